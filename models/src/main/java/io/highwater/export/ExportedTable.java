package io.highwater.export;

import java.util.List;
import java.util.Map;

/**
 * What an export has of a table.
 *
 * @param hours the files, by hour
 * @param written how many of them are new
 * @param replaced the hours whose rows these files are, all of them
 * @param cutTexts by column, how many texts of the new files were longer than the target takes
 */
public record ExportedTable(
    ExportTable table,
    List<HourFile> hours,
    int written,
    List<HourRange> replaced,
    Map<String, Long> cutTexts) {
  public ExportedTable {
    hours = List.copyOf(hours);
    replaced = List.copyOf(replaced);
    cutTexts = Map.copyOf(cutTexts);
  }

  /**
   * The file of one hour.
   *
   * @param path relative to the contract's folder, with '/'
   */
  public record HourFile(long epochHour, String path, long bytes) {}

  /** Hours since the epoch, both inclusive. */
  public record HourRange(long first, long last) {}

  /** Of all files. */
  public long bytes() {
    return hours.stream().mapToLong(HourFile::bytes).sum();
  }
}
