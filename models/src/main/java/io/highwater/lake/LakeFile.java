package io.highwater.lake;

import java.nio.file.Path;

/**
 * A file that counts.
 *
 * @param name within the hour's folder
 */
public record LakeFile(LakeHour hour, String name, Path path) {
  /** Whether it is an Arrow IPC file; else it is Parquet. */
  public boolean isArrow() {
    return name.endsWith("." + LakeNames.ARROW);
  }
}
