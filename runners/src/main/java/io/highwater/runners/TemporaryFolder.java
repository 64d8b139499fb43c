package io.highwater.runners;

import io.highwater.lake.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A folder for the time of a job; gone at its end, also where that is a signal. */
final class TemporaryFolder implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TemporaryFolder.class);

  /** Who is ended writes on for a moment. */
  private static final int MAX_TRIES = 3;

  private final Path path;
  private final Thread hook;

  private TemporaryFolder(Path path) {
    this.path = path;
    this.hook = new Thread(this::deleteAtEnd, "delete " + path.getFileName());
    Runtime.getRuntime().addShutdownHook(hook);
  }

  static TemporaryFolder create(String prefix) throws IOException {
    return new TemporaryFolder(Files.createTempDirectory(prefix));
  }

  Path path() {
    return path;
  }

  private void deleteAtEnd() {
    for (int attempt = 1; attempt <= MAX_TRIES; attempt++) {
      try {
        FileTree.delete(path);
        return;
      } catch (IOException e) {
        if (attempt == MAX_TRIES) {
          LOG.warn("{} is left behind: {}", path, e.toString());
        }
      }
    }
  }

  @Override
  public void close() throws IOException {
    FileTree.delete(path);
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is ending: the hook runs.
    }
  }
}
