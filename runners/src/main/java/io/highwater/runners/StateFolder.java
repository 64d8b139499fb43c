package io.highwater.runners;

import io.highwater.lake.FileTree;
import io.highwater.pipelines.UsageException;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.jspecify.annotations.Nullable;

/**
 * The folder of a stream's checkpoints and savepoints. Each start makes a new job with a folder of
 * its own; what a later start goes on from is the newest one that is complete, and Flink writes its
 * {@code _metadata} last.
 */
final class StateFolder implements AutoCloseable {
  private static final String METADATA = "_metadata";

  private final Path root;
  private final FileChannel lock;

  /**
   * Takes the folder for this process until it is closed: two streams with one state would write
   * every row twice, and each would delete the other's checkpoints.
   *
   * @throws UsageException where another stream has it
   */
  StateFolder(Path root) throws IOException {
    this.root = root;
    Files.createDirectories(checkpoints());
    Files.createDirectories(savepoints());
    lock =
        FileChannel.open(root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    if (!locked()) {
      lock.close();
      throw new UsageException(
          "--stateDir %s is in use by another stream; stop that one first, or give this one a state directory and a lake of its own"
              .formatted(root));
    }
  }

  private boolean locked() throws IOException {
    try {
      return lock.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      // It is in this process.
      return false;
    }
  }

  @Override
  public void close() throws IOException {
    lock.close();
  }

  Path checkpoints() {
    return root.resolve("checkpoints");
  }

  Path savepoints() {
    return root.resolve("savepoints");
  }

  /** An empty folder for what only this process needs, where one that was killed left its own. */
  Path newTemporary() throws IOException {
    Path temporary = root.resolve("tmp");
    if (Files.exists(temporary)) {
      FileTree.delete(temporary);
    }
    return Files.createDirectory(temporary).toAbsolutePath();
  }

  /**
   * The newest complete checkpoint or savepoint.
   *
   * @throws CommandFailedException where it is damaged. The one before it is no way out: files that
   *     were written after the newest would be written again, cut otherwise, and their rows
   *     doubled.
   */
  Optional<Path> newest() throws IOException, CommandFailedException {
    Optional<Path> newest = newestMetadata();
    if (newest.isPresent()) {
      try {
        requireReadable(newest.get());
      } catch (CommandFailedException e) {
        // A job that has just ended removes its checkpoints.
        if (newestMetadata().equals(newest)) {
          throw e;
        }
        return newest();
      }
    }
    return newest.map(Path::getParent);
  }

  private Optional<Path> newestMetadata() throws IOException {
    try (Stream<Path> files = Files.walk(root, 4)) {
      return files
          .filter(file -> file.endsWith(METADATA))
          .max(Comparator.comparing(StateFolder::modified));
    } catch (UncheckedIOException e) {
      if (e.getCause() instanceof NoSuchFileException) {
        return newestMetadata();
      }
      throw e;
    }
  }

  private static void requireReadable(Path metadata) throws CommandFailedException {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(metadata)))) {
      Checkpoints.loadCheckpointMetadata(
          in, StateFolder.class.getClassLoader(), metadata.toString());
    } catch (IOException | RuntimeException e) {
      throw new CommandFailedException(
          "the newest checkpoint %s is damaged (%s). Bring it back from a copy, or delete it to go on from the one before it; the rows since then are doubled until a backfill of their hours"
              .formatted(metadata.getParent(), FailureCause.of(e)));
    }
  }

  /** Whether it is a savepoint and not {@code restored}, the URI that a start went on from. */
  boolean isNewSavepoint(Path newest, @Nullable String restored) {
    return newest.startsWith(savepoints()) && !newest.toUri().toString().equals(restored);
  }

  /** Deletes what is older than {@code kept}, which a start goes on from. */
  void deleteBefore(Path kept) throws IOException {
    for (Path folder : List.of(checkpoints(), savepoints())) {
      try (Stream<Path> children = Files.list(folder)) {
        for (Path child : children.toList()) {
          if (!kept.startsWith(child)) {
            FileTree.delete(child);
          }
        }
      }
    }
  }

  /** Deletes all state, for a stream that came to its end. */
  void deleteAll() throws IOException {
    FileTree.delete(checkpoints());
    FileTree.delete(savepoints());
  }

  private static FileTime modified(Path file) {
    try {
      return Files.getLastModifiedTime(file);
    } catch (IOException e) {
      // Deleted while we looked: older than all that are there.
      return FileTime.fromMillis(0);
    }
  }
}
