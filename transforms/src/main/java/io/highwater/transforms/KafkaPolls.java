package io.highwater.transforms;

import io.highwater.record.RawBatch;
import java.io.IOException;
import java.io.ObjectStreamException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.jspecify.annotations.Nullable;

/**
 * A topic whose element is about one poll's messages of one partition, so that a runner's cost per
 * element is spread over thousands of messages.
 *
 * <p>Split i of n owns the partitions p with p % n = i, also those that are added later. A restored
 * split keeps its i and n, whatever the parallelism of the run.
 *
 * <p>A runner writes its splits into checkpoints. So a split holds nothing of the run but takes
 * {@link KafkaSettings#ofThisRun}, which the whole source, part of the job's graph and of no
 * checkpoint, makes known wherever it is read.
 */
final class KafkaPolls extends UnboundedSource<RawBatch, KafkaMark> {
  private static final long serialVersionUID = 1;

  private final String topic;
  private final int split;
  private final int splitCount;

  /** Null in a split. */
  private final @Nullable KafkaSettings settings;

  private KafkaPolls(String topic, int split, int splitCount, @Nullable KafkaSettings settings) {
    this.topic = topic;
    this.split = split;
    this.splitCount = splitCount;
    this.settings = settings;
  }

  static KafkaPolls of(KafkaSettings settings) {
    settings.makeKnown();
    return new KafkaPolls(settings.topic(), 0, 1, settings);
  }

  private Object readResolve() throws ObjectStreamException {
    if (settings != null) {
      settings.makeKnown();
    }
    return this;
  }

  @Override
  public List<KafkaPolls> split(int desiredNumSplits, PipelineOptions options) {
    List<KafkaPolls> splits = new ArrayList<>();
    for (int i = 0; i < desiredNumSplits; i++) {
      splits.add(new KafkaPolls(topic, i, desiredNumSplits, null));
    }
    return splits;
  }

  /** Whether a partition is read by this split. */
  boolean owns(int partition) {
    return partition % splitCount == split;
  }

  @Override
  public UnboundedReader<RawBatch> createReader(
      PipelineOptions options, @Nullable KafkaMark checkpointMark) throws IOException {
    KafkaSettings run = KafkaSettings.ofThisRun(topic);
    return new KafkaPollReader(
        this,
        run,
        // An offset that is no longer there is for us to see, not for the consumer to get over.
        () -> run.consumer(Map.of(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none")),
        Clock.systemUTC(),
        checkpointMark);
  }

  @Override
  public Coder<KafkaMark> getCheckpointMarkCoder() {
    return KafkaMark.coder();
  }

  @Override
  public Coder<RawBatch> getOutputCoder() {
    return BatchCoders.rawBatch();
  }

  @Override
  public String toString() {
    return "KafkaPolls[" + topic + ", split " + split + " of " + splitCount + "]";
  }
}
