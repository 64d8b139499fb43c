package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.record.RawBatch;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.coders.SerializableCoder;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.Reshuffle;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/**
 * Messages of a topic as raw batches, as {@link ReadKafka} gives them, but bounded and without
 * timestamps: what is in the topic when reading starts, or less. Each part of a partition is read
 * by one worker with a consumer of its own; no offsets are committed. Each message comes in exactly
 * one batch; one that was deleted before it was read fails the run.
 */
public final class ReadKafkaRange extends PTransform<PBegin, PCollection<RawBatch>> {
  private final KafkaRangeQuery query;

  private ReadKafkaRange(KafkaRangeQuery query) {
    this.query = query;
  }

  /** Reads all of a topic. */
  public static ReadKafkaRange of(String bootstrapServers, String topic) {
    return new ReadKafkaRange(
        new KafkaRangeQuery(
            requireNonNull(bootstrapServers, "bootstrapServers"),
            requireNonNull(topic, "topic"),
            null,
            null,
            null,
            Map.of()));
  }

  /**
   * A properties file with further settings of the Kafka consumer, such as passwords. It is read
   * where the topic is read, on a cluster by each TaskManager. With {@code
   * isolation.level=read_committed} what was not committed when reading started is not read.
   */
  public ReadKafkaRange withConsumerConfigFile(String file) {
    return copy(requireNonNull(file, "file"), query.from(), query.to(), query.offsets());
  }

  /**
   * Only messages whose Kafka timestamp is {@code from} or later. Reading begins at the first of
   * them.
   */
  public ReadKafkaRange withFrom(Instant from) {
    return copy(
        query.consumerConfigFile(), requireNonNull(from, "from"), query.to(), query.offsets());
  }

  /**
   * Only messages whose Kafka timestamp is before {@code to}. Reading goes on to the end, as there
   * may be such ones behind later ones.
   */
  public ReadKafkaRange withTo(Instant to) {
    return copy(
        query.consumerConfigFile(), query.from(), requireNonNull(to, "to"), query.offsets());
  }

  /** Only these offsets, and only of these partitions; {@link KafkaOffsets#parse} reads a text. */
  public ReadKafkaRange withOffsets(Map<Integer, KafkaOffsets> offsets) {
    if (offsets.isEmpty()) {
      throw new IllegalArgumentException("offsets is empty; expected at least one partition");
    }
    return copy(query.consumerConfigFile(), query.from(), query.to(), offsets);
  }

  private ReadKafkaRange copy(
      @Nullable String consumerConfigFile,
      @Nullable Instant from,
      @Nullable Instant to,
      Map<Integer, KafkaOffsets> offsets) {
    return new ReadKafkaRange(
        new KafkaRangeQuery(
            query.bootstrapServers(), query.topic(), consumerConfigFile, from, to, offsets));
  }

  /**
   * Asks the broker whether all that is asked for is there, before anything starts.
   *
   * @throws IOException or IllegalArgumentException with one line that says what is not
   */
  public void check() throws IOException {
    requireOrder();
    rangesOf(query);
  }

  private static List<KafkaRange> rangesOf(KafkaRangeQuery query) throws IOException {
    try (Consumer<byte[], byte[]> consumer = query.consumer()) {
      return query.ranges(consumer);
    } catch (KafkaException e) {
      throw new IOException(
          "cannot read topic %s of %s: %s"
              .formatted(query.topic(), query.bootstrapServers(), e.getMessage()),
          e);
    }
  }

  private void requireOrder() {
    Instant from = query.from();
    Instant to = query.to();
    if (from != null && to != null && !from.isBefore(to)) {
      throw new IllegalArgumentException("to is " + to + "; expected a time after from, " + from);
    }
  }

  @Override
  public PCollection<RawBatch> expand(PBegin input) {
    requireOrder();
    return input
        .apply("Topic", Create.of(query.topic()))
        .apply("CutRanges", ParDo.of(new CutFn(query)))
        .setCoder(SerializableCoder.of(KafkaRange.class))
        .apply("SpreadRanges", Reshuffle.viaRandomKey())
        .apply("ReadMessages", ParDo.of(new ReadFn(query)))
        .setCoder(BatchCoders.rawBatch());
  }

  private static final class CutFn extends DoFn<String, KafkaRange> {
    private final KafkaRangeQuery query;

    CutFn(KafkaRangeQuery query) {
      this.query = query;
    }

    @ProcessElement
    public void process(OutputReceiver<KafkaRange> out) throws IOException {
      rangesOf(query).forEach(out::output);
    }
  }

  private static final class ReadFn extends DoFn<KafkaRange, RawBatch> {
    private final KafkaRangeQuery query;

    ReadFn(KafkaRangeQuery query) {
      this.query = query;
    }

    @ProcessElement
    public void process(@Element KafkaRange range, OutputReceiver<RawBatch> out)
        throws IOException {
      try (Consumer<byte[], byte[]> consumer = query.consumer()) {
        new KafkaRangeReader(query, Clock.systemUTC()).read(consumer, range, out::output);
      }
    }
  }
}
