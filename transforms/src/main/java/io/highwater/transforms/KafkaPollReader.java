package io.highwater.transforms;

import io.highwater.record.RawBatch;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Supplier;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.kafka.clients.consumer.Consumer;
import org.joda.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Hands over the batches of one split, which {@link KafkaPollThread} gathers. It waits for the
 * broker in {@link #start}, and for a moment where there is nothing.
 */
final class KafkaPollReader extends UnboundedSource.UnboundedReader<RawBatch> {
  /** Flink comes back only with the next watermark when it was told that there is nothing. */
  private static final Duration PATIENCE = Duration.ofMillis(20);

  private final KafkaPolls source;
  private final Supplier<Consumer<byte[], byte[]>> consumers;
  private final KafkaSettings settings;
  private final @Nullable KafkaMark restored;
  private final PollQueue queue;
  private @Nullable KafkaPollThread polling;
  private PollQueue.@Nullable Batch current;
  private long watermarkMillis = PartitionWatermark.START;

  KafkaPollReader(
      KafkaPolls source,
      KafkaSettings settings,
      Supplier<Consumer<byte[], byte[]>> consumers,
      Clock wallClock,
      @Nullable KafkaMark restored) {
    this.source = source;
    this.settings = settings;
    this.consumers = consumers;
    this.restored = restored != null && restored.started() ? restored : null;
    this.queue = new PollQueue(settings, wallClock);
  }

  @Override
  public boolean start() throws IOException {
    polling =
        KafkaPollThread.start(
            settings,
            consumers.get(),
            source::owns,
            queue,
            restored == null ? null : restored.positions());
    return advance();
  }

  @Override
  public boolean advance() throws IOException {
    if (polling != null) {
      polling.throwFailure();
    }
    if (watermarkMillis == PartitionWatermark.END) {
      // What came behind the end of time would be late for every window.
      current = null;
      return false;
    }
    try {
      queue.await(PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    current = queue.take();
    return current != null;
  }

  @Override
  public RawBatch getCurrent() {
    return current().batch();
  }

  @Override
  public Instant getCurrentTimestamp() {
    return new Instant(current().timestampMillis());
  }

  private PollQueue.Batch current() {
    if (current == null) {
      throw new NoSuchElementException("no batch");
    }
    return current;
  }

  /** Of all that was handed over, never of what is still in the queue. */
  @Override
  public Instant getWatermark() {
    if (polling != null) {
      watermarkMillis = Math.max(watermarkMillis, queue.watermarkMillis());
    }
    return new Instant(watermarkMillis);
  }

  @Override
  public UnboundedSource.CheckpointMark getCheckpointMark() {
    KafkaPollThread thread = polling;
    if (thread == null) {
      return restored != null ? restored : new KafkaMark(false, Map.of(), unused -> {});
    }
    return new KafkaMark(true, queue.positions(), thread::commit);
  }

  @Override
  public UnboundedSource<RawBatch, ?> getCurrentSource() {
    return source;
  }

  @Override
  public void close() {
    if (polling != null) {
      polling.close();
    }
  }
}
