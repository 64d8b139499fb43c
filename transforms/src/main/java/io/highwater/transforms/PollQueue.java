package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.record.EventTimeScanner;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * The batches of one split between the thread that polls and the one that hands them over, and how
 * far each partition has come.
 *
 * <p>Messages join the last batch for as long as it is in the queue. So a message on a quiet topic
 * is a batch of its own at once, and behind a busy pipeline batches grow.
 */
final class PollQueue {
  /**
   * Past 4,096 rows the fixed cost of a batch is under a fifth of it; past 16,384 nothing is won.
   */
  static final int MAX_ROWS = 16_384;

  static final int MAX_BYTES = 16 << 20;

  /** Polling waits while more is queued: the next batches of two partitions, and some. */
  private static final long MAX_QUEUED_BYTES = 32 << 20;

  private static final int MAX_SPARE = 2;

  /** How many messages are taken under the lock at once. */
  private static final int SLICE = 256;

  private static final byte[] NO_BYTES = new byte[0];

  /** What is handed over, at the least event time of its messages. */
  record Batch(RawBatch batch, long timestampMillis) {}

  /** A batch that still grows. */
  private static final class Growing {
    private final RawMessages.Builder builder;
    private final Map<Partition, Part> parts = new LinkedHashMap<>();
    private long leastEventMillis = Long.MAX_VALUE;

    Growing(RawMessages.Builder builder) {
      this.builder = builder;
    }

    boolean isFull() {
      return builder.size() >= MAX_ROWS || builder.byteSize() >= MAX_BYTES;
    }
  }

  /** What a batch has of a partition. */
  private static final class Part {
    private long messages;
    private long nextOffset;
    private long greatestEventMillis = EventTimeScanner.NONE;
  }

  private static final class Partition {
    private final int number;
    private final PartitionWatermark watermark;
    private long handedOverTo;
    private long polledTo;
    private long lag = -1;
    private long queuedMessages;

    Partition(int number, PartitionWatermark watermark, long offset) {
      this.number = number;
      this.watermark = watermark;
      this.handedOverTo = offset;
      this.polledTo = offset;
    }

    /**
     * Past messages that are none, such as the markers of transactions, once all is handed over.
     */
    long nextOffset() {
      return queuedMessages == 0 ? Math.max(handedOverTo, polledTo) : handedOverTo;
    }
  }

  private final KafkaSettings settings;
  private final Clock wallClock;
  private final EventTimeScanner scanner;
  private final PartitionWatermark none;
  private final Map<Integer, Partition> partitions = new HashMap<>();
  private final Deque<Growing> queue = new ArrayDeque<>();

  /** Builders whose arrays have grown already. */
  private final Queue<RawMessages.Builder> spare = new ArrayDeque<>();

  private long queuedBytes;
  private boolean closed;

  PollQueue(KafkaSettings settings, Clock wallClock) {
    this.settings = settings;
    this.wallClock = wallClock;
    this.scanner = new EventTimeScanner(settings.watermark().contract());
    this.none = PartitionWatermark.ofNone(settings.watermark(), wallClock);
  }

  /** Begins a partition where {@code position} says. */
  synchronized void add(int partition, KafkaMark.Position position) {
    PartitionWatermark watermark =
        PartitionWatermark.of(
            settings.watermark(), partition, position.watermarkMillis(), wallClock);
    partitions.put(partition, new Partition(partition, watermark, position.offset()));
  }

  /**
   * Takes the messages of a poll, and waits while too much is queued.
   *
   * @param polledTo the offset behind the poll
   * @param lag how many messages are behind it, or -1
   */
  void append(int partition, List<ConsumerRecord<byte[], byte[]>> messages, long polledTo, long lag)
      throws InterruptedException {
    for (int from = 0; from < messages.size(); from += SLICE) {
      List<ConsumerRecord<byte[], byte[]>> slice =
          messages.subList(from, Math.min(from + SLICE, messages.size()));
      synchronized (this) {
        while (queuedBytes > MAX_QUEUED_BYTES && !closed) {
          wait();
        }
        boolean wasEmpty = queue.isEmpty();
        of(partition).lag = lag < 0 ? -1 : lag + messages.size() - from - slice.size();
        slice.forEach(message -> append(of(partition), message));
        if (wasEmpty) {
          notifyAll();
        }
      }
    }
    synchronized (this) {
      of(partition).polledTo = polledTo;
    }
  }

  private void append(Partition partition, ConsumerRecord<byte[], byte[]> message) {
    Growing batch = queue.peekLast();
    if (batch == null || batch.isFull()) {
      RawMessages.Builder builder = spare.poll();
      if (builder == null) {
        builder =
            RawBatch.builder(RawBatch.SourceKind.KAFKA, settings.topic(), RawMessages.Format.JSON);
      }
      batch = new Growing(builder);
      queue.add(batch);
    }
    byte[] value = message.value() == null ? NO_BYTES : message.value();
    batch.builder.add(message.partition(), message.offset(), message.timestamp(), value);
    Part part = batch.parts.computeIfAbsent(partition, unused -> new Part());
    part.messages++;
    part.nextOffset = message.offset() + 1;
    partition.queuedMessages++;
    queuedBytes += value.length;
    long eventMillis = scanner.scanMillis(value);
    if (eventMillis != EventTimeScanner.NONE) {
      batch.leastEventMillis = Math.min(batch.leastEventMillis, eventMillis);
      if (PartitionWatermark.isMovedBy(eventMillis, wallClock.millis())) {
        part.greatestEventMillis = Math.max(part.greatestEventMillis, eventMillis);
      }
    }
  }

  /** Waits for a batch, at most for a time. */
  synchronized void await(Duration time) throws InterruptedException {
    if (queue.isEmpty() && !closed) {
      wait(time.toMillis());
    }
  }

  /** The oldest batch, which counts as handed over from now on, or null. */
  synchronized @Nullable Batch take() {
    Growing batch = queue.poll();
    if (batch == null) {
      return null;
    }
    long timestampMillis = timestampMillis(batch);
    batch.parts.forEach(
        (partition, part) -> {
          partition.handedOverTo = part.nextOffset;
          partition.queuedMessages -= part.messages;
          partition.watermark.read(part.greatestEventMillis);
          if (partition.lag >= 0) {
            batch.builder.backlog(partition.number, partition.lag + partition.queuedMessages);
          }
        });
    queuedBytes -= batch.builder.byteSize();
    notifyAll();
    Batch taken = new Batch(batch.builder.build(), timestampMillis);
    if (spare.size() < MAX_SPARE) {
      spare.add(batch.builder);
    }
    return taken;
  }

  /** The least event time; where none was found, that of the partition that is furthest behind. */
  private static long timestampMillis(Growing batch) {
    long millis = batch.leastEventMillis;
    if (millis == Long.MAX_VALUE) {
      for (Partition partition : batch.parts.keySet()) {
        millis = Math.min(millis, partition.watermark.lastMillis());
      }
    }
    return Math.min(millis, GlobalWindow.INSTANCE.maxTimestamp().getMillis());
  }

  /**
   * Takes what the broker says of a partition.
   *
   * @param messages how many were not polled yet, or -1
   */
  synchronized void observeBacklog(int partition, long messages, long checkedMillis) {
    Partition observed = of(partition);
    observed.watermark.observeBacklog(
        messages < 0 ? -1 : messages + observed.queuedMessages, checkedMillis);
  }

  /** The least watermark of the partitions. */
  synchronized long watermarkMillis() {
    if (partitions.isEmpty()) {
      return none.millis();
    }
    long least = PartitionWatermark.END;
    for (Partition partition : partitions.values()) {
      least = Math.min(least, partition.watermark.millis());
    }
    return least;
  }

  /** Of each partition, where to go on behind what was handed over. */
  synchronized Map<Integer, KafkaMark.Position> positions() {
    Map<Integer, KafkaMark.Position> positions = new TreeMap<>();
    partitions.forEach(
        (number, partition) ->
            positions.put(
                number,
                new KafkaMark.Position(partition.nextOffset(), partition.watermark.lastMillis())));
    return positions;
  }

  long nowMillis() {
    return wallClock.millis();
  }

  /** The partitions that were added. */
  synchronized Collection<Integer> partitions() {
    return List.copyOf(partitions.keySet());
  }

  /** Lets nobody wait any more. */
  synchronized void close() {
    closed = true;
    notifyAll();
  }

  private Partition of(int partition) {
    return requireNonNull(partitions.get(partition), "partition");
  }
}
