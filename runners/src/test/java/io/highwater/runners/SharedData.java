package io.highwater.runners;

import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Real rows that are not part of the project: files of a folder shared/data beside it. */
public final class SharedData {
  private SharedData() {}

  /** Null where there is no such file. */
  public static @Nullable Path find(String name) {
    for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
      Path file = folder.resolve("shared/data").resolve(name);
      if (Files.isReadable(file)) {
        return file;
      }
    }
    return null;
  }
}
