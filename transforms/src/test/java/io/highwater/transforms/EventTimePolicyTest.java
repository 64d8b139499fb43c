package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.io.kafka.KafkaTimestampType;
import org.apache.beam.sdk.io.kafka.TimestampPolicy;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.joda.time.Instant;
import org.junit.jupiter.api.Test;

class EventTimePolicyTest {
  private static final long T = java.time.Instant.parse("2024-03-01T00:00:00Z").toEpochMilli();
  private static final long BOUND = 10_000;
  private static final long END = BoundedWindow.TIMESTAMP_MAX_VALUE.getMillis();

  private final TickingClock clock = new TickingClock();
  private final PartitionWatermark.Settings settings =
      new PartitionWatermark.Settings(
          UUID.randomUUID().toString(), TestContracts.jobs(), 2, 5_000, 60_000);
  private final EventTimePolicy first = policy(0);
  private final EventTimePolicy second = policy(1);

  @Test
  void holdsAPartitionWithBacklogAtItsOwnEventTime() {
    read(first, T + 3_600_000, 10);
    read(second, T, 10);

    assertThat(watermark(first, 10), is(T + 3_600_000 - BOUND));
    assertThat(watermark(second, 10), is(T - BOUND));
  }

  @Test
  void holdsAPartitionWhoseBacklogIsUnknown() {
    read(first, T + 3_600_000, 0);
    read(second, T, -1);
    clock.millis += 50_000;

    assertThat(watermark(second, -1), is(T - BOUND));
  }

  @Test
  void letsAnIdlePartitionFollowTheTopic() {
    read(first, T + 3_600_000, 10);
    read(second, T, 0);
    clock.millis += 4_999;
    assertThat(watermark(second, 0), is(T - BOUND));

    clock.millis += 1;

    assertThat(watermark(second, 0), is(T + 3_600_000 - BOUND));
  }

  @Test
  void letsAnEmptyPartitionFollowTheTopic() {
    read(first, T, 10);
    watermark(second, 0);
    clock.millis += 5_000;

    assertThat(watermark(second, 0), is(T - BOUND));
  }

  @Test
  void goesOnAtThePaceOfTheWallClockWhenAllAreIdle() {
    read(first, T, 0);
    read(second, T, 0);
    watermark(first, 0);
    watermark(second, 0);
    clock.millis += 30_000;

    assertThat(watermark(first, 0), is(T - BOUND + 30_000));
  }

  @Test
  void doesNotRunToTodayWhenOldDataPauses() {
    read(first, T, 0);
    read(second, T, 0);
    watermark(second, 0);
    clock.millis += 20_000;
    watermark(first, 0);

    read(first, T + 12_000_000, 0);

    assertThat(watermark(first, 0), is(T + 12_000_000 - BOUND));
  }

  @Test
  void endsWhenTheWholeTopicIsIdleForLongEnough() {
    read(first, T, 0);
    read(second, T, 0);
    watermark(second, 0);
    clock.millis += 59_999;
    assertThat(watermark(first, 0), lessThan(END));

    clock.millis += 1;

    assertThat(watermark(first, 0), is(END));
  }

  @Test
  void doesNotEndWhileOnePartitionHasBacklog() {
    read(first, T, 0);
    read(second, T, 5);
    clock.millis += 600_000;

    assertThat(watermark(second, 5), is(T - BOUND));
  }

  @Test
  void doesNotTakeAnOldAnswerOfTheBrokerForIdleness() {
    read(first, T + 3_600_000, 10);
    read(second, T, 0);
    long checked = clock.millis - 1;
    clock.millis += 600_000;

    assertThat(second.getWatermark(context(0, checked)).getMillis(), is(T - BOUND));
  }

  @Test
  void staysWhereItIsForARecordWithoutEventTime() {
    read(first, T, 10);
    watermark(first, 10);

    Instant timestamp = first.getTimestampForRecord(context(10, clock.millis), record("{]"));

    assertThat(timestamp.getMillis(), is(T - BOUND));
    assertThat(watermark(first, 10), is(T - BOUND));
  }

  @Test
  void staysWhereItIsForARecordFromTheFuture() {
    read(first, T, 10);

    read(first, clock.millis + 90_000_000, 10);

    assertThat(watermark(first, 10), is(T - BOUND));
  }

  @Test
  void neverFallsBehindWhatARestoreSays() {
    EventTimePolicy restored =
        new EventTimePolicy(settings, 0, Optional.of(new Instant(T + 5_000)), clock);

    read(restored, T, 10);

    assertThat(watermark(restored, 10), is(T + 5_000));
  }

  @Test
  void goesOnAfterARestoreWhenNothingComes() {
    EventTimePolicy restored = new EventTimePolicy(settings, 0, Optional.of(new Instant(T)), clock);
    watermark(second, 0);
    watermark(restored, 0);
    clock.millis += 30_000;

    assertThat(watermark(restored, 0), is(T + 30_000));
  }

  private EventTimePolicy policy(int partition) {
    return new EventTimePolicy(settings, partition, Optional.empty(), clock);
  }

  private void read(EventTimePolicy policy, long eventMillis, long backlog) {
    policy.getTimestampForRecord(
        context(backlog, clock.millis),
        record("{\"started_at\":\"" + java.time.Instant.ofEpochMilli(eventMillis) + "\"}"));
  }

  private long watermark(EventTimePolicy policy, long backlog) {
    return policy.getWatermark(context(backlog, clock.millis)).getMillis();
  }

  private static KafkaRecord<byte[], byte[]> record(String message) {
    return new KafkaRecord<>(
        "topic",
        0,
        0,
        0,
        KafkaTimestampType.CREATE_TIME,
        null,
        new byte[0],
        message.getBytes(StandardCharsets.UTF_8));
  }

  private static TimestampPolicy.PartitionContext context(long backlog, long checkedMillis) {
    return new TimestampPolicy.PartitionContext() {
      @Override
      public long getMessageBacklog() {
        return backlog;
      }

      @Override
      public Instant getBacklogCheckTime() {
        return new Instant(checkedMillis);
      }
    };
  }
}
