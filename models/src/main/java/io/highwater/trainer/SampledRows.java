package io.highwater.trainer;

import io.highwater.features.Numbers;
import io.highwater.features.SubjectValues;
import io.highwater.record.Sha256;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * Rows as models see them, in the order of event time. Immutable by custom: its arrays are not
 * changed.
 *
 * @param allRows how many there were in the same time, of any kind
 * @param trainableRows how many of those can be learned from; the sample is one of them
 * @param columns d
 * @param micros event times
 * @param features float32[n, d], row after row
 * @param subjects what was usual for them before their day
 * @param actual the target, in milliseconds
 * @param known what of it is known beforehand
 * @param unknown what of it is predicted
 */
record SampledRows(
    long allRows,
    long trainableRows,
    int columns,
    long[] micros,
    float[] features,
    SubjectValues subjects,
    double[] actual,
    double[] known,
    double[] unknown) {
  int count() {
    return actual.length;
  }

  /** ln(1 + what is predicted). */
  float[] targets() {
    return Numbers.log1p(unknown);
  }

  /** How many rows of any kind the sample stands for, as a share of what it was drawn from. */
  long representedRows() {
    return trainableRows == 0
        ? 0
        : Math.max(count(), Math.round((double) allRows * count() / trainableRows));
  }

  /** SHA-256 of what was sampled, in hexadecimal. */
  String digest() {
    MessageDigest sha256 = Sha256.start();
    ByteBuffer row = ByteBuffer.allocate(Long.BYTES + Double.BYTES + Float.BYTES * columns);
    FloatBuffer values = FloatBuffer.wrap(features);
    for (int i = 0; i < count(); i++) {
      row.clear().putLong(micros[i]).putDouble(unknown[i]);
      for (int column = 0; column < columns; column++) {
        row.putFloat(values.get(i * columns + column));
      }
      sha256.update(row.array(), 0, row.position());
    }
    return HexFormat.of().formatHex(sha256.digest());
  }
}
