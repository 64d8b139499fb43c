package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpooledBatchesTest {
  /** With 1 MB a batch, the first 32 stay in memory. */
  @ParameterizedTest
  @CsvSource({"0", "1", "40", "70"})
  void givesBackWhatWasAddedInItsOrder(int count) throws IOException {
    try (SpooledBatches spooled = new SpooledBatches()) {
      for (int number = 0; number < count; number++) {
        spooled.add(batch(number));
      }
      Iterator<RecordBatch> batches = spooled.iterator();
      for (int number = 0; number < count; number++) {
        assertEquals(batch(number), batches.next());
      }
      assertFalse(batches.hasNext());
      assertThrows(NoSuchElementException.class, batches::next);
    }
  }

  private static RecordBatch batch(int number) {
    byte[] text = new byte[500_000];
    new Random(number).nextBytes(text);
    String message =
        "{\"instance_id\": %d, \"arrival_timestamp\": 1709251200000, \"query_type\": \"%s\"}"
            .formatted(number, java.util.HexFormat.of().formatHex(text));
    RawBatch raw =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "t", RawMessages.Format.JSON)
            .add(0, number, 0, message.getBytes(StandardCharsets.UTF_8))
            .build();
    try (BufferAllocator allocator = new RootAllocator();
        RecordParser.Result result =
            new RecordParser(WarehouseContract.CONTRACT, allocator).parse(raw)) {
      return RecordBatch.copyOf(
          WarehouseContract.CONTRACT, result.root(), WarehouseContract.CONTRACT.eventTime());
    }
  }
}
