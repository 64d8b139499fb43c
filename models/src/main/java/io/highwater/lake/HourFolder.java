package io.highwater.lake;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** The folder of an hour, for whoever holds the {@link LakeLock}. */
record HourFolder(Path path) {
  static HourFolder of(Path lakeRoot, LakeHour hour) {
    return new HourFolder(lakeRoot.resolve(hour.directory()));
  }

  /** Every name in it, sorted. */
  List<String> names() throws IOException {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
      for (Path entry : entries) {
        names.add(entry.getFileName().toString());
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    names.sort(null);
    return names;
  }

  /**
   * @throws IOException if it cannot be read or is damaged
   */
  Replacement marker(String name) throws IOException {
    try {
      return Replacement.fromJson(Files.readAllBytes(path.resolve(name)));
    } catch (IllegalArgumentException e) {
      throw new IOException(path.resolve(name) + " is damaged: " + e.getMessage(), e);
    }
  }

  /** Moves a file of the same disk in, on disk before it is here. */
  void moveIn(Path file, String name) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Files.move(file, path.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Publishes a replacement, which changes at one moment what counts here. */
  void publish(Replacement replacement) throws IOException {
    Path marker = path.resolve(replacement.markerName());
    if (Files.exists(marker)) {
      throw new IOException(marker + " is there already, expected a new generation");
    }
    Path unfinished = path.resolve("." + replacement.markerName() + ".part");
    try (FileChannel channel =
        FileChannel.open(
            unfinished,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer json = ByteBuffer.wrap(replacement.toJson());
      while (json.hasRemaining()) {
        channel.write(json);
      }
      channel.force(true);
    }
    Files.move(unfinished, marker, StandardCopyOption.ATOMIC_MOVE);
  }
}
