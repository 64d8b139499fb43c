package io.highwater.lake;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The right to replace files of one contract in a lake, of one job at a time: a backfill that
 * publishes, or a compaction. Streams and readers need none.
 *
 * <p>It is the operating system's lock on {@code DIR/CONTRACT/_maintenance.lock}, so it ends with
 * its process, however that ends. The file stays and says who had the lock last.
 */
public final class LakeLock implements AutoCloseable {
  private static final String NAME = "_maintenance.lock";

  /**
   * The one byte that is locked lies far behind the text, which others could not read on systems
   * where a lock is one against reading too.
   */
  private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;

  /**
   * Who holds what in this process. Asked before a file is opened: closing any channel of a locked
   * file ends the lock of the whole process (POSIX).
   */
  private static final Map<Path, String> HELD = new ConcurrentHashMap<>();

  private final Path file;
  private final FileChannel channel;
  private final FileLock lock;

  private LakeLock(Path file, FileChannel channel, FileLock lock) {
    this.file = file;
    this.channel = channel;
    this.lock = lock;
  }

  /** Another job holds the lock; the message is one line that names it and says what to do. */
  public static final class HeldException extends IOException {
    private static final long serialVersionUID = 1L;

    private HeldException(Path folder, String holder) {
      super(
          folder
              + " is in use by "
              + holder
              + "; wait until it has ended, or end it: one job at a time may replace files");
    }
  }

  /**
   * Takes the lock, making the contract's folder where there is none.
   *
   * @param lakeRoot of a lake on this machine or one that it has mounted
   * @param command what others are told of the holder, such as {@code backfill}
   * @throws HeldException if another job holds it, of this process or of another one
   * @throws IOException if the folder cannot be written to
   */
  public static LakeLock acquire(Path lakeRoot, String contract, String command)
      throws IOException {
    LakeHour.checkName("contract", contract);
    Path folder = Files.createDirectories(lakeRoot.toAbsolutePath().resolve(contract)).toRealPath();
    Path file = folder.resolve(NAME);
    String holder =
        "%s (process %d, since %s)"
            .formatted(
                command,
                ProcessHandle.current().pid(),
                Instant.now().truncatedTo(ChronoUnit.SECONDS));
    @Nullable String other = HELD.putIfAbsent(file, holder);
    if (other != null) {
      throw new HeldException(folder, other);
    }
    try {
      return acquire(folder, file, holder);
    } catch (IOException | RuntimeException e) {
      HELD.remove(file);
      throw e;
    }
  }

  private static LakeLock acquire(Path folder, Path file, String holder) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      @Nullable FileLock lock = channel.tryLock(LOCKED_BYTE, 1, false);
      if (lock == null) {
        String other = Files.readString(file).strip();
        throw new HeldException(folder, other.isEmpty() ? "another process" : other);
      }
      channel.truncate(0);
      channel.write(ByteBuffer.wrap((holder + "\n").getBytes(StandardCharsets.UTF_8)));
      return new LakeLock(file, channel, lock);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Gives the lock back. */
  @Override
  public void close() throws IOException {
    try (channel) {
      lock.release();
    } finally {
      HELD.remove(file);
    }
  }
}
