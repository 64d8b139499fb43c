package io.highwater.transforms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.testing.CoderProperties;
import org.apache.beam.sdk.util.CoderUtils;
import org.junit.jupiter.api.Test;

class KafkaMarkTest {
  private final List<KafkaMark> completed = new ArrayList<>();

  private KafkaMark mark(boolean started, Map<Integer, KafkaMark.Position> positions) {
    return new KafkaMark(started, positions, completed::add);
  }

  @Test
  void isDecodedAsItWasEncoded() throws Exception {
    for (KafkaMark mark :
        List.of(
            mark(false, Map.of()),
            mark(true, Map.of()),
            mark(
                true,
                Map.of(
                    0,
                    new KafkaMark.Position(0, PartitionWatermark.START),
                    Integer.MAX_VALUE,
                    new KafkaMark.Position(Long.MAX_VALUE, -1))))) {
      CoderProperties.coderDecodeEncodeEqual(KafkaMark.coder(), mark);
      KafkaMark decoded = CoderUtils.clone(KafkaMark.coder(), mark);
      assertEquals(mark.started(), decoded.started());
      assertEquals(mark.positions(), decoded.positions());
    }
  }

  @Test
  void refusesAMarkOfAnotherVersion() {
    IOException thrown =
        assertThrows(
            IOException.class,
            () ->
                KafkaMark.coder().decode(new ByteArrayInputStream(new byte[] {9, 1, 0, 0, 0, 0})));
    assertEquals(
        "The checkpoint's Kafka positions are of version 9; expected 1", thrown.getMessage());
  }

  @Test
  void saysWhenItsCheckpointHasCompleted() throws Exception {
    KafkaMark mark = mark(true, Map.of(3, new KafkaMark.Position(4, 5)));

    CoderUtils.clone(KafkaMark.coder(), mark).finalizeCheckpoint();
    assertEquals(List.of(), completed, "one that was restored belongs to no reader");
    mark.finalizeCheckpoint();
    assertEquals(List.of(mark), completed);
  }
}
