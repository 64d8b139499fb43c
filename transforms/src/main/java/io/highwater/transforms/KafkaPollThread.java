package io.highwater.transforms;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntPredicate;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Polls the partitions of one split into its queue, while the pipeline works on what it has. */
final class KafkaPollThread {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaPollThread.class);

  /** A message ends a poll at once; only commits and the end wait for so long. */
  private static final Duration POLL_TIMEOUT = Duration.ofMillis(100);

  /** How often the broker is asked for the backlog and for new partitions. */
  private static final long CHECK_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration START_TIMEOUT = Duration.ofSeconds(30);
  private static final Duration END_TIMEOUT = Duration.ofSeconds(15);

  private final String topic;
  private final boolean commits;
  private final Consumer<byte[], byte[]> consumer;
  private final IntPredicate owns;
  private final PollQueue queue;
  private final Thread thread;
  private final AtomicReference<@Nullable KafkaMark> toCommit = new AtomicReference<>();
  private @Nullable KafkaMark lastCommitted;
  private long checkedNanos;
  private boolean answers = true;
  private volatile @Nullable Throwable failure;
  private volatile boolean closed;

  private KafkaPollThread(
      KafkaSettings settings,
      Consumer<byte[], byte[]> consumer,
      IntPredicate owns,
      PollQueue queue) {
    this.topic = settings.topic();
    this.commits = settings.allConsumerConfig().containsKey(ConsumerConfig.GROUP_ID_CONFIG);
    this.consumer = consumer;
    this.owns = owns;
    this.queue = queue;
    this.thread = new Thread(this::run, "kafka-poll-" + topic);
    thread.setDaemon(true);
  }

  /**
   * Finds where to begin and starts to poll.
   *
   * @param restored where to go on; partitions that are not in it are new and are read from their
   *     beginning. Null to begin where the settings say.
   * @throws KafkaException if the broker does not say where to begin
   */
  static KafkaPollThread start(
      KafkaSettings settings,
      Consumer<byte[], byte[]> consumer,
      IntPredicate owns,
      PollQueue queue,
      @Nullable Map<Integer, KafkaMark.Position> restored) {
    KafkaPollThread polling = new KafkaPollThread(settings, consumer, owns, queue);
    try {
      List<Integer> partitions = polling.newPartitions(START_TIMEOUT);
      Map<Integer, KafkaMark.Position> positions = new HashMap<>();
      if (restored != null) {
        positions.putAll(restored);
        partitions.removeAll(restored.keySet());
        positions.putAll(polling.beginningOf(partitions));
      } else {
        positions.putAll(polling.startOf(partitions, settings));
      }
      polling.read(positions);
    } catch (RuntimeException e) {
      consumer.close(Duration.ZERO);
      throw e;
    }
    polling.checkedNanos = System.nanoTime() - CHECK_INTERVAL_NANOS;
    polling.thread.start();
    return polling;
  }

  /** Commits the positions of a checkpoint that has completed to the consumer group, if any. */
  void commit(KafkaMark mark) {
    if (commits) {
      toCommit.set(mark);
    }
  }

  void throwFailure() throws IOException {
    if (failure != null) {
      throw new IOException("Cannot read topic " + topic + ": " + failure.getMessage(), failure);
    }
  }

  /** Ends the thread, with the last commit. */
  void close() {
    closed = true;
    queue.close();
    try {
      thread.join(END_TIMEOUT.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      while (!closed) {
        commitAsync();
        if (System.nanoTime() - checkedNanos >= CHECK_INTERVAL_NANOS) {
          check();
          checkedNanos = System.nanoTime();
        }
        poll();
      }
    } catch (InterruptedException | RuntimeException | Error e) {
      failure = e;
    } finally {
      commitLast();
      consumer.close(REQUEST_TIMEOUT);
    }
  }

  private void poll() throws InterruptedException {
    if (consumer.assignment().isEmpty()) {
      // Fewer partitions than splits: none is ours yet, and a poll would be an error.
      TimeUnit.MILLISECONDS.sleep(POLL_TIMEOUT.toMillis());
      return;
    }
    ConsumerRecords<byte[], byte[]> polled;
    try {
      polled = consumer.poll(POLL_TIMEOUT);
    } catch (OffsetOutOfRangeException e) {
      e.offsetOutOfRangePartitions().forEach(this::goOnBehindLost);
      return;
    }
    for (TopicPartition partition : polled.partitions()) {
      queue.append(
          partition.partition(),
          polled.records(partition),
          consumer.position(partition),
          consumer.currentLag(partition).orElse(-1));
    }
  }

  private void goOnBehindLost(TopicPartition partition, long offset) {
    List<TopicPartition> one = List.of(partition);
    long first = offset(consumer.beginningOffsets(one, REQUEST_TIMEOUT), partition);
    long end = offset(consumer.endOffsets(one, REQUEST_TIMEOUT), partition);
    if (offset > end) {
      throw new IllegalStateException(
          "partition %s ends at offset %d, but %d was read before: the topic was made anew or lost messages. Start with another --stateDir and --startFrom to read what it has now"
              .formatted(partition, end, offset));
    }
    if (offset < first) {
      LOG.error(
          "LOST: {} messages of {}, from offset {} to {}, were deleted from the topic before they"
              + " were read; going on at {}",
          first - offset,
          partition,
          offset,
          first - 1,
          first);
    }
    consumer.seek(partition, Math.max(offset, first));
  }

  /** Asks the broker for new partitions and for the backlog of ours. */
  private void check() {
    long nowMillis = queue.nowMillis();
    List<Integer> added = newPartitions(REQUEST_TIMEOUT);
    if (!added.isEmpty()) {
      LOG.info("Reading new partitions {} of topic {} from their beginning", added, topic);
      read(beginningOf(added));
    }
    Collection<TopicPartition> ours = consumer.assignment();
    Map<TopicPartition, Long> ends;
    try {
      ends = consumer.endOffsets(ours, REQUEST_TIMEOUT);
      answers = true;
    } catch (TimeoutException e) {
      if (answers) {
        LOG.warn("The broker does not say where topic {} ends; asking again", topic);
      }
      answers = false;
      ends = Map.of();
    }
    for (TopicPartition partition : ours) {
      Long end = ends.get(partition);
      long backlog = end == null ? -1 : Math.max(0, end - consumer.position(partition));
      queue.observeBacklog(partition.partition(), backlog, nowMillis);
    }
  }

  /** Our partitions that are not read yet; mutable. */
  private List<Integer> newPartitions(Duration timeout) {
    List<PartitionInfo> all;
    try {
      // Answered from the consumer's metadata, which it renews every metadata.max.age.ms.
      all = consumer.partitionsFor(topic, timeout);
    } catch (TimeoutException e) {
      if (queue.partitions().isEmpty()) {
        throw e;
      }
      return new ArrayList<>();
    }
    if (all == null || all.isEmpty()) {
      throw new IllegalStateException("the broker has no topic " + topic);
    }
    List<Integer> ours =
        new ArrayList<>(all.stream().map(PartitionInfo::partition).filter(owns::test).toList());
    if (!ours.containsAll(queue.partitions())) {
      throw new IllegalStateException(
          "the broker has partitions %s of topic %s, but %s were read before: the topic was made anew. Start with another --stateDir and --startFrom to read what it has now"
              .formatted(ours, topic, queue.partitions()));
    }
    ours.removeAll(queue.partitions());
    return ours;
  }

  private Map<Integer, KafkaMark.Position> beginningOf(List<Integer> partitions) {
    return positions(consumer.beginningOffsets(ofTopic(partitions), START_TIMEOUT));
  }

  private Map<Integer, KafkaMark.Position> startOf(
      List<Integer> partitions, KafkaSettings settings) {
    if (settings.startTime() == null && !settings.startAtEnd()) {
      return beginningOf(partitions);
    }
    Map<TopicPartition, Long> offsets =
        new HashMap<>(consumer.endOffsets(ofTopic(partitions), START_TIMEOUT));
    if (settings.startTime() != null) {
      Map<TopicPartition, Long> times = new HashMap<>();
      offsets.keySet().forEach(key -> times.put(key, settings.startTime().toEpochMilli()));
      consumer
          .offsetsForTimes(times, START_TIMEOUT)
          .forEach(
              (TopicPartition partition, @Nullable OffsetAndTimestamp found) -> {
                if (found != null) {
                  offsets.put(partition, found.offset());
                }
              });
    }
    return positions(offsets);
  }

  private static Map<Integer, KafkaMark.Position> positions(Map<TopicPartition, Long> offsets) {
    Map<Integer, KafkaMark.Position> positions = new HashMap<>();
    offsets.forEach(
        (partition, offset) ->
            positions.put(
                partition.partition(), new KafkaMark.Position(offset, PartitionWatermark.START)));
    return positions;
  }

  private void read(Map<Integer, KafkaMark.Position> positions) {
    positions.forEach(queue::add);
    consumer.assign(ofTopic(queue.partitions()));
    positions.forEach(
        (partition, position) ->
            consumer.seek(new TopicPartition(topic, partition), position.offset()));
  }

  private List<TopicPartition> ofTopic(Collection<Integer> partitions) {
    return partitions.stream().map(partition -> new TopicPartition(topic, partition)).toList();
  }

  private static long offset(Map<TopicPartition, Long> offsets, TopicPartition partition) {
    Long offset = offsets.get(partition);
    if (offset == null) {
      throw new IllegalStateException("the broker does not know " + partition);
    }
    return offset;
  }

  private void commitAsync() {
    KafkaMark mark = toCommit.getAndSet(null);
    if (mark != null) {
      lastCommitted = mark;
      consumer.commitAsync(
          offsets(mark),
          (offsets, exception) -> {
            if (exception != null) {
              logFailedCommit(exception);
            }
          });
    }
  }

  /** Once more and waiting, since the answer to the last one may not have been awaited. */
  private void commitLast() {
    KafkaMark mark = toCommit.getAndSet(null);
    if (mark == null) {
      mark = lastCommitted;
    }
    if (mark != null) {
      try {
        consumer.commitSync(offsets(mark), REQUEST_TIMEOUT);
      } catch (KafkaException e) {
        logFailedCommit(e);
      }
    }
  }

  private void logFailedCommit(Exception e) {
    LOG.warn(
        "Offsets of topic {} were not committed to the consumer group. Nothing is lost: a restart"
            + " goes on from the checkpoint",
        topic,
        e);
  }

  private Map<TopicPartition, OffsetAndMetadata> offsets(KafkaMark mark) {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    mark.positions()
        .forEach(
            (partition, position) ->
                offsets.put(
                    new TopicPartition(topic, partition),
                    new OffsetAndMetadata(position.offset())));
    return offsets;
  }
}
