package io.highwater.runners.replay;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThanOrEqualTo;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordParser;
import io.highwater.runners.SharedData;
import java.nio.file.Path;
import java.util.List;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Rows of a real query log, where they are at hand: a folder shared/data beside the project. */
class RealRowsTest {
  private static final String ROWS = "redset/serverless_until_april.csv";
  private static final int COUNT = 5_710;

  @Test
  void sendsNothingOfARealCsvThatTheContractRejects() throws Exception {
    @Nullable Path file = SharedData.find(ROWS);
    assumeTrue(file != null, "there is no shared/data/" + ROWS + " beside the project");
    Contract contract = ContractLoader.load("warehouse-queries");
    RawMessages.Builder batch =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "topic", RawMessages.Format.JSON);
    long previous = Long.MIN_VALUE;
    try (OrderedMessages messages =
        OrderedMessages.of(List.of(file), contract, SortedRuns.create(), () -> false)) {
      @Nullable TimedMessage message;
      while ((message = messages.next()) != null) {
        assertThat(message.eventMicros(), is(greaterThanOrEqualTo(previous)));
        previous = message.eventMicros();
        batch.add(0, batch.size(), message.eventMicros() / 1_000, message.value());
      }
    }
    try (RootAllocator allocator = new RootAllocator();
        RecordParser.Result result = new RecordParser(contract, allocator).parse(batch.build())) {
      assertThat(result.rejections(), is(empty()));
      assertThat(result.root().getRowCount(), is(COUNT));
      assertThat(result.unknownFields(), is(0L));
    }
  }
}
