package io.highwater.runners.replay;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.stream.Stream;

/** The files that a path with wildcards names. */
final class InputFiles {
  private InputFiles() {}

  /**
   * @param pattern a path; {@code *}, {@code ?}, {@code [...]} and {@code {...}} are wildcards,
   *     {@code **} also over folders
   * @return in the order of their names; empty where there is none
   */
  static List<Path> matching(String pattern) throws IOException {
    Path file = Path.of(pattern);
    if (Files.isRegularFile(file)) {
      return List.of(file);
    }
    int wildcard = firstWildcard(pattern);
    if (wildcard < 0) {
      return List.of();
    }
    Path root = Path.of(pattern.substring(0, pattern.lastIndexOf('/', wildcard) + 1));
    if (!Files.isDirectory(root.toAbsolutePath())) {
      return List.of();
    }
    PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
    int depth = pattern.contains("**") ? Integer.MAX_VALUE : depth(pattern, wildcard);
    try (Stream<Path> paths = Files.walk(root, depth)) {
      return paths.filter(matcher::matches).filter(Files::isRegularFile).sorted().toList();
    }
  }

  private static int firstWildcard(String pattern) {
    for (int position = 0; position < pattern.length(); position++) {
      if ("*?[{".indexOf(pattern.charAt(position)) >= 0) {
        return position;
      }
    }
    return -1;
  }

  /** How many folders lie below the one before the first wildcard. */
  private static int depth(String pattern, int wildcard) {
    return 1 + (int) pattern.substring(wildcard).chars().filter(next -> next == '/').count();
  }
}
