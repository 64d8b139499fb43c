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
 * @param where the columns that say which rows are alike, with their values
 * @param count how many outliers it stands for
 * @param isFollowUp whether a first one was told of before
 * @param worst of them
 */
record Alert(
    String contract, SortedMap<String, String> where, int count, boolean isFollowUp, Outlier worst)
    implements Serializable {
  private static final JsonFactory JSON = new JsonFactory();

  /**
   * A row.
   *
   * @param eventTime ISO 8601
   * @param actual what the row took, in the target's unit
   * @param predicted what it was predicted to take
   * @param ratio what it took over what was to be expected at most
   */
  record Outlier(
      String id,
      String eventTime,
      double actual,
      double predicted,
      double ratio,
      String severity,
      String reason,
      String explanation)
      implements Serializable {}

  Alert {
    where = new TreeMap<>(where);
  }

  static Alert of(String contract, SortedMap<String, String> where, Outlier outlier) {
    return new Alert(contract, where, 1, false, outlier);
  }

  /** One more of the same subject. */
  Alert with(Alert next) {
    Outlier worse = next.worst.ratio > worst.ratio ? next.worst : worst;
    return new Alert(contract, where, count + next.count, isFollowUp, worse);
  }

  Alert asFollowUp() {
    return new Alert(contract, where, count, true, worst);
  }

  /** The alert as JSON; docs/commands.md has its members. */
  byte[] toJson(String dashboardUrl) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      json.writeStringField("contract", contract);
      json.writeStringField("alert", isFollowUp ? "repeated" : "first");
      json.writeNumberField("count", count);
      json.writeStringField("outlier_id", worst.id);
      json.writeStringField("event_time", worst.eventTime);
      json.writeStringField("what", worst.explanation);
      json.writeObjectFieldStart("where");
      for (Map.Entry<String, String> column : where.entrySet()) {
        json.writeStringField(column.getKey(), column.getValue());
      }
      json.writeEndObject();
      json.writeObjectFieldStart("how_much");
      json.writeNumberField("actual_ms", worst.actual);
      json.writeNumberField("predicted_ms", worst.predicted);
      json.writeNumberField("ratio", worst.ratio);
      json.writeStringField("severity", worst.severity);
      json.writeEndObject();
      json.writeStringField("why", worst.reason);
      json.writeStringField("link", dashboardUrl + "/#outlier=" + worst.id);
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
