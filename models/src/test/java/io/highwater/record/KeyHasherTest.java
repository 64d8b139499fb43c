package io.highwater.record;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.RollUp;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.Test;

class KeyHasherTest {
  private static final List<String> KEY = List.of("left", "right", "id", "at", "level", "ok");
  private static final Contract CONTRACT =
      new Contract(
          "keys",
          "1.0.0",
          "at",
          Duration.ofSeconds(1),
          KEY,
          List.of(
              field("left", FieldType.STRING),
              field("right", FieldType.STRING),
              field("id", FieldType.INTEGER),
              field("at", FieldType.TIMESTAMP),
              field("level", FieldType.NUMBER),
              field("ok", FieldType.BOOLEAN),
              field("note", FieldType.STRING)),
          List.of(),
          List.of(),
          new RollUp(List.of(Duration.ofMinutes(1)), List.of("id"), List.of()));

  private record Key(String left, String right, long id, long at, double level, boolean ok) {}

  private static final Key PLAIN = new Key("a", "b", 1, 2, 0.0, true);

  private static Field field(String name, FieldType type) {
    return new Field(name, type, true, null, null, null, List.of(), null);
  }

  private static List<String> hashes(String note, Key... keys) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows =
            VectorSchemaRoot.create(RecordSchemas.parsed(CONTRACT), allocator)) {
      for (int row = 0; row < keys.length; row++) {
        Key key = keys[row];
        ((VarCharVector) rows.getVector("left")).setSafe(row, utf8(key.left));
        ((VarCharVector) rows.getVector("right")).setSafe(row, utf8(key.right));
        ((BigIntVector) rows.getVector("id")).setSafe(row, key.id);
        ((TimeStampMicroVector) rows.getVector("at")).setSafe(row, key.at);
        ((Float8Vector) rows.getVector("level")).setSafe(row, key.level);
        ((BitVector) rows.getVector("ok")).setSafe(row, key.ok ? 1 : 0);
        ((VarCharVector) rows.getVector("note")).setSafe(row, utf8(note));
      }
      rows.setRowCount(keys.length);
      String hex = HexFormat.of().formatHex(KeyHasher.of(CONTRACT).hash(rows));
      return Arrays.asList(hex.split("(?<=\\G.{" + 2 * KeyHasher.HASH_BYTES + "})"));
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** In a checkpoint: another value would forget every key at an update. */
  @Test
  void isAlwaysTheSameValue() {
    assertThat(hashes("", PLAIN), is(List.of("16454ab7c332b9a338143b88")));
  }

  @Test
  void isOfTheKeyAndNothingElse() {
    Key negativeZero = new Key("a", "b", 1, 2, -0.0, true);
    assertThat(hashes("one", PLAIN, negativeZero), is(hashes("other", PLAIN, PLAIN)));
  }

  @Test
  void differsWithEveryFieldOfTheKey() {
    List<String> hashes =
        hashes(
            "",
            PLAIN,
            new Key("ab", "", 1, 2, 0.0, true),
            new Key("", "ab", 1, 2, 0.0, true),
            new Key("b", "a", 1, 2, 0.0, true),
            new Key("a", "b", 2, 2, 0.0, true),
            new Key("a", "b", 1, 3, 0.0, true),
            new Key("a", "b", 1, 2, 0.1, true),
            new Key("a", "b", 1, 2, 0.0, false),
            new Key("x".repeat(5_000), "b", 1, 2, 0.0, true),
            new Key("x".repeat(5_001), "b", 1, 2, 0.0, true));
    assertThat(hashes.stream().distinct().toList(), is(hashes));
  }
}
