package io.highwater.transforms;

import io.highwater.lake.LakeFile;
import io.highwater.record.FileRecords;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.io.fs.MatchResult;

/**
 * A file that a run reads.
 *
 * @param name its path or address
 * @param number its place among all that the run reads: of two rows with the same key, that of the
 *     file with the lower number comes first
 */
public record InputFile(String name, int number, long bytes) implements Serializable {
  /**
   * The files that match any of {@code globs}, each once, in the order of their names.
   *
   * @param globs on any of Beam's file systems
   * @throws IOException if one matches nothing
   * @throws IllegalArgumentException if a file's ending says nothing that can be read
   */
  public static List<InputFile> match(List<String> globs) throws IOException {
    if (globs.isEmpty()) {
      throw new IllegalArgumentException("globs is empty; expected at least one");
    }
    Map<String, Long> bytesByName = new TreeMap<>();
    for (String glob : globs) {
      boolean isFound = false;
      for (MatchResult.Metadata file : FileSystems.match(glob).metadata()) {
        if (!file.resourceId().isDirectory()) {
          String name = file.resourceId().toString();
          FileRecords.requireSupported(name);
          bytesByName.put(name, file.sizeBytes());
          isFound = true;
        }
      }
      if (!isFound) {
        throw new FileNotFoundException("no file matches " + glob);
      }
    }
    List<InputFile> files = new ArrayList<>();
    bytesByName.forEach((name, bytes) -> files.add(new InputFile(name, files.size(), bytes)));
    return List.copyOf(files);
  }

  /** The files of a lake's table, in their order. */
  public static List<InputFile> of(List<LakeFile> lakeFiles) throws IOException {
    List<InputFile> files = new ArrayList<>();
    for (LakeFile file : lakeFiles) {
      files.add(new InputFile(file.path().toString(), files.size(), Files.size(file.path())));
    }
    return List.copyOf(files);
  }
}
