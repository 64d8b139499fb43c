package io.highwater.transforms;

import java.io.Serializable;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Some messages of a partition.
 *
 * @param from the first offset
 * @param to behind the last offset
 */
public record KafkaOffsets(long from, long to) implements Serializable {
  private static final Pattern FORM = Pattern.compile("(\\d{1,9}):(\\d{1,18})-(\\d{1,18})");

  public KafkaOffsets {
    if (from < 0 || to <= from) {
      throw new IllegalArgumentException(
          "the offsets are %d-%d; expected the first and, above it, the one behind the last"
              .formatted(from, to));
    }
  }

  /**
   * Reads {@code PARTITION:FROM-TO,...}, such as {@code 0:100-2000,1:0-500}: of each partition the
   * first offset and the one behind the last.
   *
   * @throws IllegalArgumentException with one line that says which part is wrong
   */
  public static SortedMap<Integer, KafkaOffsets> parse(String text) {
    SortedMap<Integer, KafkaOffsets> offsets = new TreeMap<>();
    for (String part : text.split(",", -1)) {
      Matcher matcher = FORM.matcher(part.strip());
      if (!matcher.matches()) {
        throw new IllegalArgumentException(
            "'" + part + "' is no range of offsets; expected PARTITION:FROM-TO such as 0:100-2000");
      }
      int partition = Integer.parseInt(matcher.group(1));
      long from = Long.parseLong(matcher.group(2));
      long to = Long.parseLong(matcher.group(3));
      if (to <= from) {
        throw new IllegalArgumentException(
            "'%s' has no messages; expected the second offset, behind the last message, above the first"
                .formatted(part));
      }
      if (offsets.put(partition, new KafkaOffsets(from, to)) != null) {
        throw new IllegalArgumentException(
            "partition " + partition + " is there twice; expected one range a partition");
      }
    }
    return Collections.unmodifiableSortedMap(offsets);
  }
}
