package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.record.RecordBatch;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.SerializableCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.io.kafka.ProducerRecordCoder;
import org.apache.beam.sdk.state.StateSpec;
import org.apache.beam.sdk.state.StateSpecs;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.state.Timer;
import org.apache.beam.sdk.state.TimerSpec;
import org.apache.beam.sdk.state.TimerSpecs;
import org.apache.beam.sdk.state.ValueState;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PDone;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.joda.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Tells of outliers: of the first of a subject (what the contract says is alike) at once, and of
 * those that follow within ten minutes once, with their number, when the ten minutes are over.
 *
 * <p>Input: batches of the outliers table, unbounded, in the global window. To a topic at least
 * once. To a webhook as far as it answers, see {@link Webhook}; the outliers table has them all.
 */
public final class SendAlerts extends PTransform<PCollection<RecordBatch>, PDone> {
  private static final Duration FOLD = Duration.standardMinutes(10);

  private final Contract contract;
  private final String dashboardUrl;
  private final @Nullable Topic topic;
  private final @Nullable URI webhook;

  private record Topic(String bootstrapServers, String name, @Nullable String clientConfigFile) {}

  private SendAlerts(
      Contract contract, String dashboardUrl, @Nullable Topic topic, @Nullable URI webhook) {
    this.contract = contract;
    this.dashboardUrl = dashboardUrl;
    this.topic = topic;
    this.webhook = webhook;
  }

  /**
   * Tells nobody yet.
   *
   * @param dashboardUrl where links lead, without a slash at its end
   */
  public static SendAlerts of(Contract contract, String dashboardUrl) {
    requireNonNull(contract.detector(), "detector");
    return new SendAlerts(contract, requireNonNull(dashboardUrl, "dashboardUrl"), null, null);
  }

  /**
   * @param clientConfigFile a properties file with security settings and the like; null for none
   */
  public SendAlerts withTopic(
      String bootstrapServers, String topic, @Nullable String clientConfigFile) {
    return new SendAlerts(
        contract, dashboardUrl, new Topic(bootstrapServers, topic, clientConfigFile), webhook);
  }

  /** A POST of JSON for each. */
  public SendAlerts withWebhook(URI webhook) {
    return new SendAlerts(contract, dashboardUrl, topic, requireNonNull(webhook, "webhook"));
  }

  @Override
  public PDone expand(PCollection<RecordBatch> outliers) {
    PCollection<Alert> alerts = alerts(outliers);
    if (topic != null) {
      alerts
          .apply("ToMessages", ParDo.of(new MessageFn(topic.name(), dashboardUrl)))
          .setCoder(ProducerRecordCoder.of(ByteArrayCoder.of(), ByteArrayCoder.of()))
          .apply(
              "WriteMessages",
              new KafkaMessages(topic.bootstrapServers(), topic.name(), topic.clientConfigFile())
                  .write());
    }
    if (webhook != null) {
      alerts.apply("Post", ParDo.of(new PostFn(webhook, dashboardUrl)));
    }
    return PDone.in(outliers.getPipeline());
  }

  PCollection<Alert> alerts(PCollection<RecordBatch> outliers) {
    return outliers
        .apply("ToAlerts", ParDo.of(new AlertFn(contract)))
        .setCoder(KvCoder.of(StringUtf8Coder.of(), SerializableCoder.of(Alert.class)))
        .apply("Fold", ParDo.of(new FoldFn()))
        .setCoder(SerializableCoder.of(Alert.class));
  }

  private static final class AlertFn extends ArrowFn<RecordBatch, KV<String, Alert>> {
    private final Contract contract;

    AlertFn(Contract contract) {
      this.contract = contract;
    }

    @ProcessElement
    public void process(@Element RecordBatch batch, OutputReceiver<KV<String, Alert>> out) {
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        for (int row = 0; row < rows.getRowCount(); row++) {
          Alert alert = alert(rows, row);
          out.output(KV.of(alert.subject(), alert));
        }
      }
    }

    private Alert alert(VectorSchemaRoot rows, int row) {
      Detector detector = requireNonNull(contract.detector());
      SortedMap<String, String> where = new TreeMap<>();
      for (String column : detector.subject()) {
        FieldVector vector = rows.getVector(column);
        if (!vector.isNull(row)) {
          where.put(column, String.valueOf(vector.getObject(row)));
        }
      }
      long micros = ((TimeStampMicroVector) rows.getVector(contract.eventTime())).get(row);
      return Alert.of(
          contract.id(),
          where,
          new Alert.Outlier(
              text(rows, "outlier_id", row),
              Instant.EPOCH.plus(micros, ChronoUnit.MICROS).toString(),
              ((Number) rows.getVector(detector.target()).getObject(row)).doubleValue(),
              number(rows, "predicted_ms", row),
              number(rows, "ratio", row),
              text(rows, "severity", row),
              text(rows, "outlier_reason", row),
              text(rows, "explanation", row)));
    }

    private static String text(VectorSchemaRoot rows, String column, int row) {
      return String.valueOf(rows.getVector(column).getObject(row));
    }

    private static double number(VectorSchemaRoot rows, String column, int row) {
      return ((Float8Vector) rows.getVector(column)).get(row);
    }
  }

  private static final class FoldFn extends DoFn<KV<String, Alert>, Alert> {
    /** Those since the first; without it, it is just the first. */
    @StateId("following")
    private final StateSpec<ValueState<Alert>> followingSpec =
        StateSpecs.value(SerializableCoder.of(Alert.class));

    @StateId("isOpen")
    private final StateSpec<ValueState<Boolean>> isOpenSpec = StateSpecs.value();

    @TimerId("over")
    private final TimerSpec overSpec = TimerSpecs.timer(TimeDomain.PROCESSING_TIME);

    /** A stream that ends does not wait. */
    @TimerId("end")
    private final TimerSpec endSpec = TimerSpecs.timer(TimeDomain.EVENT_TIME);

    @ProcessElement
    public void process(
        @Element KV<String, Alert> element,
        @StateId("following") ValueState<Alert> following,
        @StateId("isOpen") ValueState<Boolean> isOpen,
        @TimerId("over") Timer over,
        @TimerId("end") Timer end,
        OutputReceiver<Alert> out) {
      Alert alert = requireNonNull(element.getValue());
      if (!Boolean.TRUE.equals(isOpen.read())) {
        isOpen.write(true);
        over.offset(FOLD).setRelative();
        end.set(GlobalWindow.INSTANCE.maxTimestamp());
        out.output(alert);
        return;
      }
      Alert before = following.read();
      following.write(before == null ? alert.asFollowUp() : before.with(alert));
    }

    @OnTimer("over")
    public void onOver(
        @StateId("following") ValueState<Alert> following,
        @StateId("isOpen") ValueState<Boolean> isOpen,
        @TimerId("end") Timer end,
        OutputReceiver<Alert> out) {
      end.clear();
      close(following, isOpen, out);
    }

    @OnTimer("end")
    public void onEnd(
        @StateId("following") ValueState<Alert> following,
        @StateId("isOpen") ValueState<Boolean> isOpen,
        @TimerId("over") Timer over,
        OutputReceiver<Alert> out) {
      over.clear();
      close(following, isOpen, out);
    }

    private static void close(
        ValueState<Alert> following, ValueState<Boolean> isOpen, OutputReceiver<Alert> out) {
      Alert alert = following.read();
      if (alert != null) {
        out.output(alert);
      }
      following.clear();
      isOpen.clear();
    }
  }

  private static final class MessageFn extends DoFn<Alert, ProducerRecord<byte[], byte[]>> {
    private final String topic;
    private final String dashboardUrl;

    MessageFn(String topic, String dashboardUrl) {
      this.topic = topic;
      this.dashboardUrl = dashboardUrl;
    }

    @ProcessElement
    public void process(@Element Alert alert, OutputReceiver<ProducerRecord<byte[], byte[]>> out) {
      byte[] key = alert.worst().id().getBytes(StandardCharsets.UTF_8);
      out.output(new ProducerRecord<>(topic, key, alert.toJson(dashboardUrl)));
    }
  }

  private static final class PostFn extends DoFn<Alert, Void> {
    private final URI webhook;
    private final String dashboardUrl;
    private final HighwaterMetrics.BatchCounter failed =
        HighwaterMetrics.counter(HighwaterMetrics.ALERTS_FAILED);
    // A thread and its queue, PER_INSTANCE.
    private transient Webhook sender;

    PostFn(URI webhook, String dashboardUrl) {
      this.webhook = webhook;
      this.dashboardUrl = dashboardUrl;
    }

    @Setup
    public void setup() {
      sender = new Webhook(webhook);
    }

    @Teardown
    public void teardown() {
      sender.close();
    }

    @ProcessElement
    public void process(@Element Alert alert) {
      if (!sender.send(alert.toJson(dashboardUrl))) {
        failed.inc(1);
      }
      failed.inc(sender.newFailures());
    }
  }
}
