package io.highwater.transforms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

class TopicClockTest {
  private final TopicClock clock;

  TopicClockTest(TestInfo test) {
    clock = TopicClock.named("TopicClockTest/" + test.getDisplayName());
  }

  @Test
  void isOneForARunAndItsTopic() {
    assertSame(TopicClock.named("run 1/queries"), TopicClock.named("run 1/queries"));
    assertNotSame(TopicClock.named("run 1/queries"), TopicClock.named("run 2/queries"));
  }

  @Test
  void knowsTheGreatestEventTimeOfAllPartitions() {
    assertEquals(Long.MIN_VALUE, clock.greatestEventMillis());
    TopicClock.Partition first = clock.register(0, 0);
    TopicClock.Partition second = clock.register(1, 0);
    assertEquals(Long.MIN_VALUE, clock.greatestEventMillis());

    first.read(-5, 1);
    assertEquals(-5, clock.greatestEventMillis());
    second.read(70, 2);
    second.read(60, 3);

    assertEquals(-5, first.greatestEventMillis());
    assertEquals(70, second.greatestEventMillis());
    assertEquals(70, clock.greatestEventMillis());
  }

  @Test
  void isIdleSinceTheLastOfItsPartitionsIs() {
    TopicClock.Partition first = clock.register(0, 100);
    first.read(1, 110);
    first.observeBacklog(0, 115);
    assertEquals(Long.MAX_VALUE, clock.allIdleSinceMillis(2), "one partition has no reader yet");

    TopicClock.Partition second = clock.register(1, 120);
    assertEquals(Long.MAX_VALUE, clock.allIdleSinceMillis(2), "nothing is known of the second");
    second.observeBacklog(0, 130);

    assertEquals(120, clock.allIdleSinceMillis(2));
  }

  @Test
  void isNotIdleWhileAPartitionHasBacklog() {
    TopicClock.Partition partition = clock.register(0, 100);
    partition.observeBacklog(3, 110);
    assertEquals(Long.MAX_VALUE, clock.allIdleSinceMillis(1));

    partition.observeBacklog(0, 120);
    assertEquals(100, clock.allIdleSinceMillis(1));
    partition.observeBacklog(1, 130);
    assertEquals(Long.MAX_VALUE, clock.allIdleSinceMillis(1));
  }

  @Test
  void takesAnUnknownBacklogAsBacklog() {
    TopicClock.Partition partition = clock.register(0, 100);
    partition.observeBacklog(-1, 110);

    assertEquals(Long.MAX_VALUE, clock.allIdleSinceMillis(1));
  }

  @Test
  void ignoresAnAnswerFromBeforeTheLastRecord() {
    TopicClock.Partition partition = clock.register(0, 100);
    partition.read(1, 200);

    partition.observeBacklog(0, 199);
    assertEquals(Long.MAX_VALUE, partition.idleSinceMillis());
    partition.observeBacklog(0, 200);
    assertEquals(200, partition.idleSinceMillis());
  }

  @Test
  void keepsTheBeginningOfAnIdleTime() {
    TopicClock.Partition partition = clock.register(0, 100);
    partition.observeBacklog(0, 150);
    partition.observeBacklog(0, 900);
    assertEquals(100, partition.idleSinceMillis());

    partition.read(1, 1000);
    assertEquals(Long.MAX_VALUE, partition.idleSinceMillis());
    partition.observeBacklog(0, 1001);
    assertEquals(1000, partition.idleSinceMillis());
  }

  @Test
  void forgetsAReaderThatAnotherOneFollows() {
    TopicClock.Partition before = clock.register(0, 100);
    before.observeBacklog(0, 150);
    TopicClock.Partition after = clock.register(0, 500);

    assertEquals(Long.MAX_VALUE, clock.allIdleSinceMillis(1));
    after.observeBacklog(0, 600);
    assertEquals(500, clock.allIdleSinceMillis(1));
  }
}
