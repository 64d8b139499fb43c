package io.highwater.transforms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What a transform is given wrongly is refused where it is given, by name, value and range. */
class TransformArgumentsTest {
  private final Contract contract = TestContracts.jobs();

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  private ReadKafka readKafka(int partitionCount) {
    return ReadKafka.of("localhost:1", "queries", contract, partitionCount);
  }

  @Test
  void refusesATopicWithoutPartitions() {
    for (int count : new int[] {0, -1}) {
      assertRefused("partitionCount is " + count + "; expected 1 or more", () -> readKafka(count));
    }
  }

  @Test
  void refusesTimeoutsThatAreNone() {
    for (Duration none : List.of(Duration.ZERO, Duration.ofMillis(-1))) {
      assertRefused(
          "timeout is " + none + "; expected more than zero",
          () -> readKafka(1).withPartitionIdleTimeout(none));
      assertRefused(
          "idle is " + none + "; expected more than zero",
          () -> readKafka(1).withStopAfterIdle(none));
    }
  }

  @Test
  void refusesNegativeLateness() {
    Duration negative = Duration.ofSeconds(-1);
    assertRefused(
        "lateness is PT-1S; expected zero or more",
        () -> RollUpRecords.of(contract, 1).withAllowedLateness(negative));
    assertRefused(
        "lateness is PT-1S; expected zero or more",
        () -> ProcessRecords.of(contract, 1).withAllowedLateness(negative));
  }

  @Test
  void refusesAHorizonThatIsNone() {
    for (Duration none : List.of(Duration.ZERO, Duration.ofMillis(-1))) {
      String message = "horizon is " + none + "; expected more than zero";
      assertRefused(message, () -> DeduplicateRecords.of(contract, none));
      assertRefused(message, () -> ProcessRecords.of(contract, 1).withDeduplication(none));
    }
  }

  @Test
  void refusesAGenerationThatNoFileCouldCarry() {
    for (String generation : List.of("", "a-b", "a/b", "a.b", "größe")) {
      String message = "generation is '" + generation + "', expected to match [A-Za-z0-9_]+";
      assertRefused(
          message, () -> WriteArrow.of(contract, Table.EVENTS, "lake").withGeneration(generation));
      assertRefused(
          message,
          () -> WriteParquet.of(contract, Table.EVENTS, "lake").withGeneration(generation));
    }
  }
}
