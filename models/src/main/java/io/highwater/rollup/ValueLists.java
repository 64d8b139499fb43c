package io.highwater.rollup;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A column of lists cut into their values, once a batch: lists repeat, and so do their values.
 *
 * @param listOfRow the number of each row's list
 * @param valuesOfList of each list, where its values are in {@code values}
 * @param values different ones, by their UTF-16, ascending
 */
record ValueLists(int[] listOfRow, int[][] valuesOfList, String[] values) {
  /**
   * @param separator between the values of a list; null where each text is one value
   */
  static ValueLists of(Column column, @Nullable String separator) {
    Groups lists = new Groups(column.valid.length);
    lists.splitBy(column);
    List<List<String>> parts = new ArrayList<>();
    Map<String, Integer> places = new HashMap<>();
    for (int list = 0; list < lists.count; list++) {
      int row = lists.firstRows[list];
      List<String> ofList =
          column.valid[row] == 0 ? List.of() : parts(column.value(row).toString(), separator);
      parts.add(ofList);
      ofList.forEach(value -> places.put(value, 0));
    }
    String[] values = new TreeMap<>(places).keySet().toArray(String[]::new);
    for (int i = 0; i < values.length; i++) {
      places.put(values[i], i);
    }
    int[][] valuesOfList =
        parts.stream()
            .map(ofList -> ofList.stream().mapToInt(places::get).toArray())
            .toArray(int[][]::new);
    return new ValueLists(lists.ids, valuesOfList, values);
  }

  /** The parts of a list without the spaces around them; empty ones are none. */
  private static List<String> parts(String list, @Nullable String separator) {
    if (separator == null) {
      return List.of(list);
    }
    List<String> parts = new ArrayList<>();
    int start = 0;
    while (start <= list.length()) {
      int end = list.indexOf(separator, start);
      end = end < 0 ? list.length() : end;
      String part = list.substring(start, end).strip();
      if (!part.isEmpty()) {
        parts.add(part);
      }
      start = end + separator.length();
    }
    return parts;
  }

  /**
   * How often each value is in the lists of the rows that are taken, by group.
   *
   * @param taken 1 for rows that count, else 0
   */
  Aggregate[] counts(byte[] taken, Groups groups) {
    int[] ends = new int[groups.count + 1];
    for (int group : groups.ids) {
      ends[group + 1]++;
    }
    for (int group = 0; group < groups.count; group++) {
      ends[group + 1] += ends[group];
    }
    int[] rowsByGroup = new int[groups.ids.length];
    int[] filled = ends.clone();
    for (int row = 0; row < rowsByGroup.length; row++) {
      rowsByGroup[filled[groups.ids[row]]++] = row;
    }
    Aggregate[] aggregates = new Aggregate[groups.count];
    long[] counts = new long[values.length];
    int[] seen = new int[values.length];
    for (int group = 0; group < groups.count; group++) {
      int size = 0;
      for (int i = ends[group]; i < ends[group + 1]; i++) {
        int row = rowsByGroup[i];
        if (taken[row] != 0) {
          for (int value : valuesOfList[listOfRow[row]]) {
            if (counts[value]++ == 0) {
              seen[size++] = value;
            }
          }
        }
      }
      aggregates[group] = size == 0 ? Aggregate.NOTHING : take(counts, seen, size);
    }
    return aggregates;
  }

  /** Takes the counts of the values that were seen, and sets them to 0. */
  private FrequentValues take(long[] counts, int[] seen, int size) {
    Arrays.sort(seen, 0, size);
    String[] valuesSeen = new String[size];
    long[] countsSeen = new long[size];
    for (int i = 0; i < size; i++) {
      valuesSeen[i] = values[seen[i]];
      countsSeen[i] = counts[seen[i]];
      counts[seen[i]] = 0;
    }
    return FrequentValues.of(valuesSeen, countsSeen);
  }
}
