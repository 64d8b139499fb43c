package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.highwater.contract.Contract;
import io.highwater.record.RecordBatch;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.io.kafka.ProducerRecordCoder;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PDone;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Sends each row of its batches to a topic as soon as it is there, as a JSON message: {@code
 * {"contract": ID, "kind": KIND, "row": {COLUMN: VALUE, ...}}}, under the key {@code ID/KIND}.
 * Times are ISO 8601 in UTC; a number that JSON cannot write (NaN, infinity) is null.
 *
 * <p>At least once, and from before a checkpoint: after a crash a row may come again, and what it
 * said the first time may differ. The lake has what counts.
 */
public final class WriteLiveTopic extends PTransform<PCollection<RecordBatch>, PDone> {
  /** What a message is about. */
  public enum Kind {
    /** A row of the roll-ups table: what a window has so far. */
    PANE,
    /** A row of the outliers table. */
    OUTLIER,
    /** A row of the status table. */
    STATUS
  }

  private final Contract contract;
  private final Kind kind;
  private final String bootstrapServers;
  private final String topic;
  private final @Nullable String clientConfigFile;

  private WriteLiveTopic(
      Contract contract,
      Kind kind,
      String bootstrapServers,
      String topic,
      @Nullable String clientConfigFile) {
    this.contract = contract;
    this.kind = kind;
    this.bootstrapServers = bootstrapServers;
    this.topic = topic;
    this.clientConfigFile = clientConfigFile;
  }

  /**
   * @param clientConfigFile a properties file with security settings and the like; null for none
   */
  public static WriteLiveTopic of(
      Contract contract,
      Kind kind,
      String bootstrapServers,
      String topic,
      @Nullable String clientConfigFile) {
    return new WriteLiveTopic(
        requireNonNull(contract, "contract"),
        requireNonNull(kind, "kind"),
        requireNonNull(bootstrapServers, "bootstrapServers"),
        requireNonNull(topic, "topic"),
        clientConfigFile);
  }

  @Override
  public PDone expand(PCollection<RecordBatch> rows) {
    String kindName = kind.name().toLowerCase(Locale.ROOT);
    return rows.apply("ToJson", ParDo.of(new JsonFn(contract.id(), kindName, topic)))
        .setCoder(ProducerRecordCoder.of(ByteArrayCoder.of(), ByteArrayCoder.of()))
        .apply(
            "WriteMessages", new KafkaMessages(bootstrapServers, topic, clientConfigFile).write());
  }

  static final class JsonFn extends ArrowFn<RecordBatch, ProducerRecord<byte[], byte[]>> {
    private static final JsonFactory JSON = new JsonFactory();

    private final String contractId;
    private final String kind;
    private final String topic;

    JsonFn(String contractId, String kind, String topic) {
      this.contractId = contractId;
      this.kind = kind;
      this.topic = topic;
    }

    @ProcessElement
    public void process(
        @Element RecordBatch batch, OutputReceiver<ProducerRecord<byte[], byte[]>> out)
        throws IOException {
      byte[] key = (contractId + "/" + kind).getBytes(StandardCharsets.UTF_8);
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        for (int row = 0; row < rows.getRowCount(); row++) {
          out.output(new ProducerRecord<>(topic, key, message(rows, row)));
        }
      }
    }

    private byte[] message(VectorSchemaRoot rows, int row) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
      try (JsonGenerator json = JSON.createGenerator(bytes)) {
        json.writeStartObject();
        json.writeStringField("contract", contractId);
        json.writeStringField("kind", kind);
        json.writeObjectFieldStart("row");
        for (FieldVector column : rows.getFieldVectors()) {
          json.writeFieldName(column.getName());
          writeValue(json, column, row);
        }
        json.writeEndObject();
        json.writeEndObject();
      }
      return bytes.toByteArray();
    }

    private static void writeValue(JsonGenerator json, FieldVector column, int row)
        throws IOException {
      if (column.isNull(row)) {
        json.writeNull();
      } else if (column instanceof TimeStampMicroVector times) {
        json.writeString(Instant.EPOCH.plus(times.get(row), ChronoUnit.MICROS).toString());
      } else {
        writeValue(json, column.getObject(row));
      }
    }

    private static void writeValue(JsonGenerator json, @Nullable Object value) throws IOException {
      if (value instanceof Double number) {
        if (Double.isFinite(number)) {
          json.writeNumber(number);
        } else {
          json.writeNull();
        }
      } else if (value instanceof Number integer) {
        json.writeNumber(integer.longValue());
      } else if (value instanceof Boolean truth) {
        json.writeBoolean(truth);
      } else {
        json.writeString(String.valueOf(value));
      }
    }
  }
}
