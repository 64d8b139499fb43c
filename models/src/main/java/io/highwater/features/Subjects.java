package io.highwater.features;

import java.util.List;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Of which subject each row is, and of which group: all that share the first column of the
 * subject's. Hashes of 64 bits, the same on any machine; of a million subjects two share a hash
 * with a chance of 3e-8.
 *
 * @param subjects by row of those asked for; {@link #NONE} where a column is null
 * @param groups likewise, of the first column alone
 */
record Subjects(long[] subjects, long[] groups) {
  /** The hash of no subject. */
  static final long NONE = 0;

  private static final XXHash64 TEXT_HASH = XXHashFactory.fastestJavaInstance().hash64();

  /**
   * Hashes the rows given.
   *
   * @param columns of type integer, string or boolean
   */
  static Subjects of(VectorSchemaRoot batch, List<String> columns, int[] rows) {
    long[] groups = new long[rows.length];
    long[] subjects = new long[rows.length];
    for (int column = 0; column < columns.size(); column++) {
      FieldVector vector = RowChoice.column(batch, columns.get(column));
      if (column == 0) {
        mix(vector, rows, groups, 1);
      }
      mix(vector, rows, subjects, 2 + column);
    }
    return new Subjects(subjects, groups);
  }

  /**
   * Mixes a column into the hashes.
   *
   * @param place of the column; 1 and 2 begin with it
   */
  private static void mix(FieldVector column, int[] rows, long[] hashes, int place) {
    boolean begins = place <= 2;
    boolean hasNulls = column.getNullCount() > 0;
    byte[] bytes = new byte[128];
    for (int i = 0; i < rows.length; i++) {
      int row = rows[i];
      if ((!begins && hashes[i] == NONE) || (hasNulls && column.isNull(row))) {
        hashes[i] = NONE;
        continue;
      }
      long seed = hashes[i] + place;
      long hash;
      if (column instanceof BigIntVector) {
        hash =
            SplitMix64.scramble(
                column.getDataBuffer().getLong(8L * row) + SplitMix64.scramble(seed));
      } else if (column instanceof VarCharVector texts) {
        int start = texts.getStartOffset(row);
        int length = texts.getEndOffset(row) - start;
        if (length > bytes.length) {
          bytes = new byte[2 * length];
        }
        column.getDataBuffer().getBytes(start, bytes, 0, length);
        hash = TEXT_HASH.hash(bytes, 0, length, seed);
      } else if (column instanceof BitVector flags) {
        hash = SplitMix64.scramble(flags.get(row) + SplitMix64.scramble(seed));
      } else {
        throw new IllegalArgumentException(
            "column '"
                + column.getName()
                + "' is "
                + column.getField().getType()
                + "; a subject is of integers, strings and booleans");
      }
      hashes[i] = hash == NONE ? 1 : hash;
    }
  }
}
