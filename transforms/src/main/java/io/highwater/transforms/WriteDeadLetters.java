package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.record.RecordBatch;
import io.highwater.record.RejectedRecords;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.io.kafka.ProducerRecordCoder;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PDone;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * Sends rejected records to a topic: the original bytes, with stage, code, field, value, reason and
 * position as headers. At least once; the lake's rejected table has each exactly once.
 */
public final class WriteDeadLetters extends PTransform<PCollection<RecordBatch>, PDone> {
  /** The columns of {@link RejectedRecords#SCHEMA} that become headers of the same names. */
  private static final List<String> HEADERS =
      List.of("stage", "code", "field", "value", "reason", "_topic", "_partition", "_offset");

  private final String bootstrapServers;
  private final String topic;
  private final @Nullable String clientConfigFile;

  private WriteDeadLetters(
      String bootstrapServers, String topic, @Nullable String clientConfigFile) {
    this.bootstrapServers = bootstrapServers;
    this.topic = topic;
    this.clientConfigFile = clientConfigFile;
  }

  /**
   * @param clientConfigFile a properties file with security settings and the like; null for none
   */
  public static WriteDeadLetters of(
      String bootstrapServers, String topic, @Nullable String clientConfigFile) {
    return new WriteDeadLetters(
        requireNonNull(bootstrapServers, "bootstrapServers"),
        requireNonNull(topic, "topic"),
        clientConfigFile);
  }

  @Override
  public PDone expand(PCollection<RecordBatch> rejected) {
    return rejected
        .apply("ToMessages", ParDo.of(new MessageFn(topic)))
        .setCoder(ProducerRecordCoder.of(ByteArrayCoder.of(), ByteArrayCoder.of()))
        .apply(
            "WriteMessages", new KafkaMessages(bootstrapServers, topic, clientConfigFile).write());
  }

  private static final class MessageFn
      extends ArrowFn<RecordBatch, ProducerRecord<byte[], byte[]>> {
    private final String topic;

    MessageFn(String topic) {
      this.topic = topic;
    }

    @ProcessElement
    public void process(
        @Element RecordBatch batch, OutputReceiver<ProducerRecord<byte[], byte[]>> out) {
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        VarBinaryVector raw = (VarBinaryVector) rows.getVector("raw");
        for (int row = 0; row < rows.getRowCount(); row++) {
          // The key stays out: what is wrong may well be the key.
          ProducerRecord<byte[], byte[]> message =
              new ProducerRecord<>(topic, new byte[0], raw.get(row));
          addHeaders(message.headers(), rows, row);
          out.output(message);
        }
      }
    }

    private static void addHeaders(Headers headers, VectorSchemaRoot rows, int row) {
      for (String name : HEADERS) {
        FieldVector column = rows.getVector(name);
        if (!column.isNull(row)) {
          headers.add(
              "highwater." + name,
              String.valueOf(column.getObject(row)).getBytes(StandardCharsets.UTF_8));
        }
      }
    }
  }
}
