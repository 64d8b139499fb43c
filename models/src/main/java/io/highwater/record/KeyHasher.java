package io.highwater.record;

import io.highwater.contract.Contract;
import java.nio.ByteBuffer;
import java.security.DigestException;
import java.security.MessageDigest;
import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * The keys of rows as hashes of a fixed width: the first 96 bits of the SHA-256 of the values of
 * the contract's key. The same key has the same hash on any machine. Not thread-safe.
 */
public final class KeyHasher {
  /** The width of a row's hash. */
  public static final int HASH_BYTES = 12;

  private static final int SHA_256_BYTES = 32;

  private final List<String> key;
  private final MessageDigest sha256;
  private final byte[] digest = new byte[SHA_256_BYTES];
  private ByteBuffer values = ByteBuffer.allocate(256);

  private KeyHasher(List<String> key, MessageDigest sha256) {
    this.key = key;
    this.sha256 = sha256;
  }

  public static KeyHasher of(Contract contract) {
    return new KeyHasher(contract.key(), Sha256.start());
  }

  /**
   * The hashes of all rows, one after another, {@link #HASH_BYTES} each.
   *
   * @param rows checked ones: a value in every field of the key
   */
  public byte[] hash(VectorSchemaRoot rows) {
    List<FieldVector> columns = key.stream().map(rows::getVector).toList();
    byte[] hashes = new byte[rows.getRowCount() * HASH_BYTES];
    for (int row = 0; row < rows.getRowCount(); row++) {
      values.clear();
      for (FieldVector column : columns) {
        put(column, row);
      }
      sha256.update(values.array(), 0, values.position());
      try {
        sha256.digest(digest, 0, SHA_256_BYTES);
      } catch (DigestException e) {
        throw new IllegalStateException("a SHA-256 has 32 bytes", e);
      }
      System.arraycopy(digest, 0, hashes, row * HASH_BYTES, HASH_BYTES);
    }
    return hashes;
  }

  private void put(FieldVector column, int row) {
    if (column instanceof BigIntVector integers) {
      room(Long.BYTES).putLong(integers.get(row));
    } else if (column instanceof TimeStampMicroVector timestamps) {
      room(Long.BYTES).putLong(timestamps.get(row));
    } else if (column instanceof Float8Vector numbers) {
      // One zero, as in SQL.
      room(Double.BYTES).putDouble(numbers.get(row) + 0.0);
    } else if (column instanceof BitVector booleans) {
      room(Byte.BYTES).put((byte) booleans.get(row));
    } else if (column instanceof VarCharVector strings) {
      byte[] text = strings.get(row);
      // The length keeps ("ab", "c") and ("a", "bc") apart.
      room(Integer.BYTES + text.length).putInt(text.length).put(text);
    } else {
      throw new IllegalArgumentException(
          "column '"
              + column.getName()
              + "' is "
              + column.getField().getType()
              + "; a key is of integers, numbers, booleans, strings and timestamps");
    }
  }

  private ByteBuffer room(int bytes) {
    if (values.remaining() < bytes) {
      ByteBuffer larger = ByteBuffer.allocate(2 * (values.position() + bytes));
      values = larger.put(values.flip());
    }
    return values;
  }
}
