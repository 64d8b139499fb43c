package io.highwater.lake;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Deletes what no reader looks at any more. Markers stay: they are the ledger, by which a replay
 * that brings a file back is seen through. For whoever holds the {@link LakeLock}.
 */
final class LakeSweep {
  /**
   * How long a file that was replaced stays. A reader lists an hour and then opens its files; one
   * that takes longer to come to an hour lists it when it does.
   */
  static final Duration READERS_HAVE_LISTED = Duration.ofMinutes(10);

  /**
   * When something unfinished is taken for given up. A backfill publishes hours after it wrote its
   * first file; and a writer that was suspended must not find its file gone.
   */
  static final Duration GIVEN_UP = Duration.ofDays(1);

  private final Instant now;
  private long files;
  private long bytes;

  LakeSweep(Instant now) {
    this.now = now;
  }

  long files() {
    return files;
  }

  long bytes() {
    return bytes;
  }

  /**
   * @throws IOException if a marker of the hour cannot be read; nothing is deleted then, as what it
   *     puts in is not known
   */
  void sweep(HourFolder hour) throws IOException {
    List<String> names = hour.names();
    Map<String, Replacement> markers = new HashMap<>();
    List<Replacement> settled = new ArrayList<>();
    for (String name : names) {
      if (LakeNames.isMarker(name)) {
        Replacement marker = hour.marker(name);
        markers.put(name, marker);
        if (isOlder(hour.path().resolve(name), READERS_HAVE_LISTED)) {
          settled.add(marker);
        }
      }
    }
    Ledger ledger = Ledger.of(markers.values());
    Ledger settledLedger = Ledger.of(settled);
    for (String name : names) {
      Path file = hour.path().resolve(name);
      if (settledLedger.isOut(name)
          || isUnfinished(name) && isOlder(file, GIVEN_UP)
          || isUnpublished(name, ledger)
              && (Compaction.isOfCompaction(name) || isOlder(file, GIVEN_UP))) {
        delete(file);
      }
    }
  }

  private static boolean isUnfinished(String name) {
    return name.startsWith(".") && name.endsWith(".part");
  }

  private static boolean isUnpublished(String name, Ledger ledger) {
    return LakeNames.generationOf(name) != null
        && !ledger.in().contains(name)
        && !ledger.isOut(name);
  }

  private boolean isOlder(Path file, Duration age) throws IOException {
    try {
      return Files.getLastModifiedTime(file).toInstant().isBefore(now.minus(age));
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private void delete(Path file) throws IOException {
    try {
      long size = Files.size(file);
      Files.delete(file);
      files++;
      bytes += size;
    } catch (NoSuchFileException e) {
      // Finished by its writer under its name.
    }
  }
}
