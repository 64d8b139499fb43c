package io.highwater.features;

import io.highwater.contract.Detector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Learns what is usual from rows, in bounded memory: at most {@link #MAX_SUBJECTS} subjects, some
 * 150 bytes each while most are rare. Without a cut the order of the rows makes no difference.
 */
final class EncodingsBuilder {
  static final int MAX_SUBJECTS = 1_000_000;

  private final Detector detector;
  private final String eventTime;
  private SubjectHistograms subjects;
  private SubjectHistograms groups;
  private final SubjectHistograms all = new SubjectHistograms(1);

  EncodingsBuilder(Detector detector, String eventTime, int maxSubjects) {
    this.detector = detector;
    this.eventTime = eventTime;
    subjects = new SubjectHistograms(maxSubjects);
    groups = new SubjectHistograms(maxSubjects);
  }

  /**
   * Adds rows.
   *
   * @param rows those of {@link RowChoice#trainable}
   */
  void add(VectorSchemaRoot batch, int[] rows) {
    Subjects of = Subjects.of(batch, detector.subject(), rows);
    float[] targets = Numbers.log1p(Targets.unknown(batch, detector, rows));
    TimeStampMicroVector times = (TimeStampMicroVector) RowChoice.column(batch, eventTime);
    for (int i = 0; i < rows.length; i++) {
      add(of.subjects()[i], of.groups()[i], targets[i], times.get(rows[i]));
    }
  }

  private void add(long subject, long group, float target, long micros) {
    all.add(1, Subjects.NONE, target, micros);
    if (group != Subjects.NONE) {
      groups.add(group, Subjects.NONE, target, micros);
      if (groups.isFull()) {
        groups = groups.trimmed();
      }
    }
    if (subject != Subjects.NONE) {
      subjects.add(subject, group, target, micros);
      if (subjects.isFull()) {
        subjects = subjects.trimmed();
      }
    }
  }

  /** What is usual by all rows until now. */
  Encodings build() {
    return Encodings.of(all.toTable(), groups.toTable(), subjects.toTable());
  }
}
