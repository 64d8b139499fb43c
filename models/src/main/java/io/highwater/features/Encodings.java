package io.highwater.features;

import org.jspecify.annotations.Nullable;

/**
 * What is usual for each subject, for its group, and for all: the part of a model that is looked
 * up. Immutable.
 *
 * <p>A subject of n rows leans on its group, and a group on all: its shrunk median and spread are
 * n/(n+8) its own and 8/(n+8) those of the wider one, on the scale ln(1 + target). This is the
 * posterior mean where 8 rows weigh as much as what is known beforehand (James and Stein 1961;
 * Micci-Barreca 2001 for encodings).
 */
public final class Encodings {
  /** So many rows of a subject weigh as much as what is usual for its group. */
  static final int PRIOR_ROWS = 8;

  /** A subject with fewer rows is rare. */
  static final int MODERATE_ROWS = 3;

  /** A subject with as many rows is common. */
  static final int COMMON_ROWS = 30;

  /** Floats of a subject: shrunk median, shrunk spread, count. */
  private static final int WIDTH = 3;

  private final Table all;
  private final Table groups;
  private final Table subjects;
  private final float[] shrunkAll;
  private final KeyTable groupNumbers;
  private final float[] shrunkGroups;
  private final KeyTable subjectNumbers;
  private final float[] shrunkSubjects;

  /**
   * Rows of one level.
   *
   * @param keys ascending
   * @param parents the keys of the wider ones
   */
  record Table(
      long[] keys, long[] parents, long[] counts, float[] medians, float[] spreads, float[] p95s) {
    static Table of(long[] keys, long[] parents, Usual[] usual) {
      Table table = ofSize(keys, parents);
      for (int i = 0; i < usual.length; i++) {
        table.counts[i] = usual[i].count();
        table.medians[i] = usual[i].median();
        table.spreads[i] = usual[i].spread();
        table.p95s[i] = usual[i].p95();
      }
      return table;
    }

    static Table ofSize(long[] keys, long[] parents) {
      int size = keys.length;
      return new Table(
          keys, parents, new long[size], new float[size], new float[size], new float[size]);
    }

    int size() {
      return keys.length;
    }

    Usual usual(int row) {
      return new Usual(counts[row], medians[row], spreads[row], p95s[row]);
    }
  }

  private Encodings(Table all, Table groups, Table subjects) {
    this.all = all;
    this.groups = groups;
    this.subjects = subjects;
    shrunkAll =
        all.size() == 0
            ? new float[] {Float.NaN, Float.NaN, 0}
            : new float[] {all.medians[0], all.spreads[0], 0};
    groupNumbers = new KeyTable(groups.size());
    shrunkGroups = new float[WIDTH * groups.size()];
    for (int row = 0; row < groups.size(); row++) {
      groupNumbers.findOrAdd(groups.keys[row]);
      shrink(groups, row, shrunkAll, 0, shrunkGroups);
    }
    subjectNumbers = new KeyTable(subjects.size());
    shrunkSubjects = new float[WIDTH * subjects.size()];
    for (int row = 0; row < subjects.size(); row++) {
      subjectNumbers.findOrAdd(subjects.keys[row]);
      int group = groupNumbers.find(subjects.parents[row]);
      shrink(
          subjects,
          row,
          group < 0 ? shrunkAll : shrunkGroups,
          group < 0 ? 0 : WIDTH * group,
          shrunkSubjects);
    }
  }

  static Encodings of(Table all, Table groups, Table subjects) {
    return new Encodings(all, groups, subjects);
  }

  /** Of no rows: nothing is usual. */
  public static Encodings empty() {
    Table none = Table.ofSize(new long[0], new long[0]);
    return new Encodings(none, none, none);
  }

  private static void shrink(Table table, int row, float[] parents, int parent, float[] shrunk) {
    double own = table.counts[row] / (double) (table.counts[row] + PRIOR_ROWS);
    shrunk[WIDTH * row] = (float) (own * table.medians[row] + (1 - own) * parents[parent]);
    shrunk[WIDTH * row + 1] = (float) (own * table.spreads[row] + (1 - own) * parents[parent + 1]);
    shrunk[WIDTH * row + 2] = table.counts[row];
  }

  Table all() {
    return all;
  }

  Table groups() {
    return groups;
  }

  Table subjects() {
    return subjects;
  }

  /** How many subjects are known. */
  public int subjectCount() {
    return subjects.size();
  }

  /** What is usual for a subject by its own rows alone; null where there are none. */
  public @Nullable Usual usual(long subject) {
    int row = subjectNumbers.find(subject);
    return row < 0 ? null : subjects.usual(row);
  }

  /**
   * Where the encoding of a subject is: its row, or -1 for that of all, or -2 - row for that of its
   * group. The group's stands in for a subject that is not known, that of all for such a group.
   */
  private int place(long subject, long group) {
    int row = subject == Subjects.NONE ? -1 : subjectNumbers.find(subject);
    if (row >= 0) {
      return row;
    }
    int groupRow = group == Subjects.NONE ? -1 : groupNumbers.find(group);
    return -2 - groupRow;
  }

  /**
   * Looks rows up.
   *
   * @param medians is filled with the shrunk medians of ln(1 + target); NaN where nothing is known
   * @param spreads likewise with the shrunk median absolute deviations
   * @param counts likewise with how many rows of the subject are known
   */
  void lookUp(Subjects rows, float[] medians, float[] spreads, float[] counts) {
    for (int i = 0; i < medians.length; i++) {
      int place = place(rows.subjects()[i], rows.groups()[i]);
      if (place >= 0) {
        medians[i] = shrunkSubjects[WIDTH * place];
        spreads[i] = shrunkSubjects[WIDTH * place + 1];
        counts[i] = shrunkSubjects[WIDTH * place + 2];
      } else {
        boolean isKnown = place < -1;
        float[] wider = isKnown ? shrunkGroups : shrunkAll;
        int at = isKnown ? WIDTH * (-place - 2) : 0;
        medians[i] = wider[at];
        spreads[i] = wider[at + 1];
        counts[i] = 0;
      }
    }
  }
}
