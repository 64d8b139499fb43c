package io.highwater.transforms;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * An outlier, or several of one subject, for people who have to know at once.
 *
 * @param count how many outliers it stands for
 * @param isFollowUp whether a first one was told of before
 * @param outlierId of the row that it tells of, the worst of them
 * @param eventTime of that row, ISO 8601
 * @param where the columns that say which rows are alike, with their values
 * @param actual what the row took, in the target's unit
 * @param predicted what it was predicted to take
 * @param ratio what it took over what was to be expected at most
 */
record Alert(
    String contract,
    int count,
    boolean isFollowUp,
    String outlierId,
    String eventTime,
    SortedMap<String, String> where,
    double actual,
    double predicted,
    double ratio,
    String severity,
    String reason,
    String explanation)
    implements Serializable {
  private static final JsonFactory JSON = new JsonFactory();

  Alert {
    where = new TreeMap<>(where);
  }

  /** One more of the same subject. */
  Alert with(Alert next) {
    Alert worst = next.ratio > ratio ? next : this;
    return new Alert(
        contract,
        count + next.count,
        isFollowUp,
        worst.outlierId,
        worst.eventTime,
        where,
        worst.actual,
        worst.predicted,
        worst.ratio,
        worst.severity,
        worst.reason,
        worst.explanation);
  }

  Alert asFollowUp() {
    return new Alert(
        contract,
        count,
        true,
        outlierId,
        eventTime,
        where,
        actual,
        predicted,
        ratio,
        severity,
        reason,
        explanation);
  }

  /** The alert as JSON; docs/commands.md has its members. */
  byte[] toJson(String dashboardUrl) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      json.writeStringField("contract", contract);
      json.writeStringField("alert", isFollowUp ? "repeated" : "first");
      json.writeNumberField("count", count);
      json.writeStringField("outlier_id", outlierId);
      json.writeStringField("event_time", eventTime);
      json.writeStringField("what", explanation);
      json.writeObjectFieldStart("where");
      for (Map.Entry<String, String> column : where.entrySet()) {
        json.writeStringField(column.getKey(), column.getValue());
      }
      json.writeEndObject();
      json.writeObjectFieldStart("how_much");
      json.writeNumberField("actual_ms", actual);
      json.writeNumberField("predicted_ms", predicted);
      json.writeNumberField("ratio", ratio);
      json.writeStringField("severity", severity);
      json.writeEndObject();
      json.writeStringField("why", reason);
      json.writeStringField("link", dashboardUrl + "/#outlier=" + outlierId);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** What alerts are folded by. */
  String subject() {
    return contract + where;
  }
}
