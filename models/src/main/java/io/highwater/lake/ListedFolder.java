package io.highwater.lake;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The names in a folder, listed again only when the folder may have changed. */
final class ListedFolder {
  /**
   * Two changes within the resolution of the file system's clock give one modification time, so a
   * listing is trusted only where the folder had been quiet before it. The coarsest clock in use
   * (FAT, HFS+) counts 2 s.
   */
  private static final long QUIET_MILLIS = 2500;

  private final Path path;
  private List<String> names = List.of();
  private long modifiedMillis;
  private boolean trusted;

  ListedFolder(Path path) {
    this.path = path;
  }

  Path path() {
    return path;
  }

  /** Sorted; none where there is no such folder. */
  List<String> list() throws IOException {
    try {
      if (trusted && Files.getLastModifiedTime(path).toMillis() == modifiedMillis) {
        return names;
      }
    } catch (NoSuchFileException e) {
      return forget();
    }
    return listAgain();
  }

  /** As {@link #list}, whether it has changed or not. */
  List<String> listAgain() throws IOException {
    long now = System.currentTimeMillis();
    try {
      // Asked before the listing: what comes in between changes it and makes for another listing.
      modifiedMillis = Files.getLastModifiedTime(path).toMillis();
      trusted = now - modifiedMillis > QUIET_MILLIS;
      List<String> listed = new ArrayList<>();
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
        for (Path entry : entries) {
          listed.add(entry.getFileName().toString());
        }
      }
      listed.sort(null);
      names = List.copyOf(listed);
      return names;
    } catch (NoSuchFileException | NotDirectoryException e) {
      return forget();
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  private List<String> forget() {
    trusted = false;
    names = List.of();
    return names;
  }
}
