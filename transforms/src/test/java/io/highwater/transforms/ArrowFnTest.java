package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.SourcedBatch;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.runners.TransformHierarchy;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.util.UserCodeException;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.junit.jupiter.api.Test;

/** The life of every DoFn that holds native memory, from serialisation to teardown. */
class ArrowFnTest {
  private static final RawBatch MESSAGES =
      Batches.messages(
          TestContracts.job("a", 1, "2024-03-01T00:00:01", 500, "1.5"),
          "{\"cluster\":".getBytes(UTF_8),
          TestContracts.job("b", 4, "2024-03-01T01:12:00", -1, "1.0"),
          TestContracts.job("b", 5, "2024-03-01T02:13:00", 0, "5000.0"),
          TestContracts.job("b", 6, "2024-03-01T03:00:00", 1001, "0.0"));

  private final Contract contract = TestContracts.jobs();
  private final Map<String, ArrowFn<?, ?>> fns = fns();

  /** Those of the transforms that a pipeline is made of, by the names of their classes. */
  private Map<String, ArrowFn<?, ?>> fns() {
    Pipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    PCollectionTuple processed =
        pipeline
            .apply(Create.of(MESSAGES).withCoder(BatchCoders.rawBatch()))
            .apply(ProcessRecords.of(contract, 7));
    processed
        .get(ProcessRecords.EVENTS)
        .apply(WriteArrow.of(contract, Table.EVENTS, "lake").withGeneration("1"));
    PCollectionTuple.of(MeasureQuality.ACCEPTED, processed.get(ProcessRecords.EVENTS))
        .and(MeasureQuality.REJECTED, processed.get(ProcessRecords.REJECTED))
        .apply(MeasureQuality.of(contract));
    processed.apply(CompareWithLake.of(contract, "no-lake"));
    processed.get(ProcessRecords.REJECTED).apply(WriteDeadLetters.of("localhost:1", "dead", null));
    PCollection<RecordBatch> stream =
        pipeline
            .apply(Create.empty(BatchCoders.recordBatch()))
            .setIsBoundedInternal(PCollection.IsBounded.UNBOUNDED);
    stream.apply(DeduplicateRecords.of(contract, Duration.ofMinutes(10)));
    stream.apply(RollUpRecords.of(contract, 7));
    Map<String, ArrowFn<?, ?>> found = new HashMap<>();
    pipeline.traverseTopologically(
        new Pipeline.PipelineVisitor.Defaults() {
          @Override
          public void visitPrimitiveTransform(TransformHierarchy.Node node) {
            if (node.getTransform() instanceof ParDo.MultiOutput<?, ?> parDo
                && parDo.getFn() instanceof ArrowFn<?, ?> fn) {
              found.put(fn.getClass().getSimpleName(), fn);
            }
          }
        });
    return found;
  }

  private ArrowFn<?, ?> fn(String name) {
    return requireNonNull(fns.get(name), name);
  }

  /** An element for each of them: what the one before put out. */
  private Map<String, List<?>> elements() {
    List<?> parsed = only(SourcedBatch.class, run("ParseFn", List.of(MESSAGES)));
    List<?> valid = only(SourcedBatch.class, run("ValidateFn", parsed));
    List<Object> classified = run("ClassifyFn", valid);
    // The events' batch is of two rows; that of the rejected ones is of one.
    List<?> events =
        only(RecordBatch.class, classified).stream()
            .filter(batch -> batch.rowCount() == 2)
            .toList();
    List<?> rejected =
        only(RecordBatch.class, classified).stream()
            .filter(batch -> batch.rowCount() == 1)
            .toList();
    List<?> shards =
        run("AggregateFn", events).stream()
            .map(KV.class::cast)
            .map(partials -> KV.of(partials.getKey(), List.of(partials.getValue())))
            .toList();
    List<?> pieces =
        run("CutFn", events).stream()
            .map(KV.class::cast)
            .map(piece -> KV.of(piece.getKey(), List.of(piece.getValue())))
            .toList();
    return Map.ofEntries(
        Map.entry("ParseFn", List.of(MESSAGES)),
        Map.entry("ValidateFn", parsed),
        Map.entry("ClassifyFn", valid),
        Map.entry("AggregateFn", events),
        Map.entry("MergeHistoryFn", shards),
        Map.entry("CompressFn", events),
        Map.entry("RouteFn", events),
        Map.entry("MessageFn", rejected),
        Map.entry("AcceptedFn", events),
        Map.entry("RejectedFn", rejected),
        Map.entry("CutFn", events),
        Map.entry("CompareFn", pieces),
        Map.entry("CountRejectedFn", rejected));
  }

  private List<Object> run(String name, List<?> elements) {
    FnWorker worker = new FnWorker(fn(name));
    worker.setup();
    List<Object> outputs = worker.bundle(elements);
    worker.teardown();
    return outputs;
  }

  private static <T> List<T> only(Class<T> type, List<?> outputs) {
    return outputs.stream().filter(type::isInstance).map(type::cast).toList();
  }

  private static BufferAllocator allocator(FnWorker worker) {
    return ((ArrowFn<?, ?>) worker.fn()).allocator();
  }

  /** Assertions are on in tests, and with them Arrow's own of an allocator that is in use. */
  private static void assertClosed(BufferAllocator allocator) {
    IllegalStateException thrown =
        assertThrows(IllegalStateException.class, () -> allocator.buffer(8).close());
    assertThat(thrown.getMessage(), containsString("allocator is closed"));
  }

  @Test
  void knowsEveryOneOfThem() {
    assertThat(
        fns.keySet(),
        containsInAnyOrder(
            "ParseFn",
            "ValidateFn",
            "ClassifyFn",
            "AggregateFn",
            "MergeHistoryFn",
            "CompressFn",
            "RouteFn",
            "AcceptedFn",
            "RejectedFn",
            "CutFn",
            "CompareFn",
            "CountRejectedFn",
            // Have state; see DeduplicateRecordsTest and RollUpRecordsTest.
            "DropFn",
            "MergeFn",
            "MessageFn"));
  }

  @Test
  void holdsNothingBetweenBundlesNorAfterThem() {
    elements()
        .forEach(
            (name, elements) -> {
              FnWorker worker = new FnWorker(fn(name));
              worker.setup();
              BufferAllocator allocator = allocator(worker);

              List<Object> first = worker.bundle(elements);
              assertThat(name, first, not(empty()));
              assertEquals(0, allocator.getAllocatedMemory(), name);
              assertEquals(0, worker.bundle(List.of()).size(), name);
              assertEquals(first.size(), worker.bundle(elements).size(), name);
              assertEquals(0, allocator.getAllocatedMemory(), name);

              worker.teardown();
              assertClosed(allocator);
            });
  }

  @Test
  void holdsNothingAfterABundleThatFailed() {
    elements()
        .forEach(
            (name, elements) -> {
              FnWorker worker = new FnWorker(fn(name));
              worker.setup();
              BufferAllocator allocator = allocator(worker);
              List<Object> expected = worker.bundle(elements);

              worker.failDownstream(true);
              assertThrows(UserCodeException.class, () -> worker.bundle(elements), name);
              assertEquals(0, allocator.getAllocatedMemory(), name);

              // A runner may try the bundle again on the same instance.
              worker.failDownstream(false);
              assertEquals(expected.size(), worker.bundle(elements).size(), name);
              worker.failDownstream(true);
              assertThrows(UserCodeException.class, () -> worker.bundle(elements), name);

              worker.teardown();
              assertClosed(allocator);
            });
  }
}
