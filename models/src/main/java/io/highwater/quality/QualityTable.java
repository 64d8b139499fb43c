package io.highwater.quality;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A {@link QualityReport} for a terminal of 100 columns. */
public final class QualityTable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final MathContext SIX_DIGITS = new MathContext(6);

  private QualityTable() {}

  /**
   * @param report of {@link QualityReport#toJson}
   * @throws IllegalArgumentException for other text
   */
  public static String of(String report) {
    JsonNode root;
    try {
      root = JSON.readTree(report);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not a report: " + e.getOriginalMessage(), e);
    }
    StringBuilder out = new StringBuilder();
    out.append("Data quality of ")
        .append(root.path("contract").asText())
        .append(' ')
        .append(root.path("contract_version").asText())
        .append("\n\n");
    appendRows(root, out);
    appendTime(root.path("event_time"), out);
    appendColumns(root.path("columns"), out);
    appendRejected(root.path("rejected"), root.path("rows").path("read").asLong(), out);
    appendUnreadable(root.path("unreadable_files"), out);
    return out.toString();
  }

  private static void appendRows(JsonNode root, StringBuilder out) {
    JsonNode rows = root.path("rows");
    long read = rows.path("read").asLong();
    TextTable table = new TextTable().left("", 20).right("", 20).right("", 10).left("", 40);
    table.row("rows read", count(rows.path("read")), "", "");
    for (String part : List.of("accepted", "rejected")) {
      table.row("  " + part, count(rows.path(part)), percent(rows.path(part).asLong(), read), "");
    }
    if (!rows.path("duplicates").isNull()) {
      table.row(
          "  duplicates",
          count(rows.path("duplicates")),
          percent(rows.path("duplicates").asLong(), rows.path("accepted").asLong()),
          "of the accepted, by their key");
    }
    if (!root.path("unknown_fields").isNull()) {
      table.row(
          "unknown fields", count(root.path("unknown_fields")), "", "values outside the contract");
    }
    long unreadable = root.path("unreadable_files").path("count").asLong();
    if (unreadable > 0) {
      table.row("files not read", String.format(Locale.ROOT, "%,d", unreadable), "", "");
    }
    table.appendTo(out);
  }

  private static void appendTime(JsonNode time, StringBuilder out) {
    if (time.path("least").isNull()) {
      return;
    }
    TextTable table = new TextTable().left("", 29).left("", TextTable.WIDTH);
    table.row(
        time.path("field").asText(),
        "%s to %s, %s minutes with events"
            .formatted(
                time.path("least").asText(),
                time.path("greatest").asText(),
                count(time.path("minutes_with_events"))));
    JsonNode order = time.path("order");
    long back = order.path("rows_back").asLong();
    table.row(
        "order",
        back == 0
            ? "no row is before the row ahead of it"
            : "%s of rows are before the row ahead of them, by up to %s"
                .formatted(
                    percent(back, order.path("rows_compared").asLong()),
                    duration(order.path("greatest_step_back_seconds").asDouble())));
    String title = "longest gaps";
    for (JsonNode gap : time.path("longest_gaps")) {
      table.row(
          title,
          "%s to %s, %s"
              .formatted(
                  minute(gap.path("from").asText()),
                  minute(gap.path("to").asText()),
                  duration(60.0 * gap.path("minutes").asLong())));
      title = "";
    }
    table.appendTo(out.append('\n'));
  }

  private static void appendColumns(JsonNode columns, StringBuilder out) {
    TextTable table =
        new TextTable()
            .left("column", 29)
            .right("complete", 9)
            .right("distinct", 11)
            .right("least", 16)
            .right("greatest", 16)
            .left("most frequent", TextTable.WIDTH);
    for (JsonNode column : columns) {
      long values = column.path("values").asLong();
      List<String> frequent = new ArrayList<>();
      for (JsonNode value : column.path("most_frequent")) {
        long rows = value.path("rows").asLong();
        // Where no value is there twice, none is more frequent than others.
        if (column.path("distinct").asLong() < values) {
          frequent.add(
              "%s %.0f %%".formatted(cell(column, value.path("value")), 100.0 * rows / values));
        }
      }
      boolean isText = column.path("type").asText().equals("string") && values > 0;
      table.row(
          column.path("column").asText(),
          column.path("complete_share").isNull()
              ? ""
              : percent(column.path("complete_share").asDouble()),
          (column.path("distinct_is_exact").asBoolean() ? "" : "~")
              + count(column.path("distinct")),
          isText ? characters(column, "least_length") : cell(column, column.path("least")),
          isText ? characters(column, "greatest_length") : cell(column, column.path("greatest")),
          String.join(", ", frequent));
    }
    table.appendTo(out.append('\n'));
  }

  private static String characters(JsonNode column, String length) {
    return count(column.path(length)) + " chars";
  }

  private static String cell(JsonNode column, JsonNode value) {
    if (value.isNull()) {
      return "";
    }
    if (column.path("type").asText().equals("timestamp")) {
      return minute(value.asText());
    }
    if (value.isDouble()) {
      BigDecimal number = value.decimalValue().round(SIX_DIGITS).stripTrailingZeros();
      return number.precision() - number.scale() > 15 || number.scale() > 9
          ? number.toString()
          : number.toPlainString();
    }
    return value.asText();
  }

  static void appendRejected(JsonNode kinds, long read, StringBuilder out) {
    if (kinds.isEmpty()) {
      return;
    }
    TextTable table =
        new TextTable()
            .left("rejected", 21)
            .right("rows", 11)
            .right("share", 8)
            .left("for example", TextTable.WIDTH);
    for (JsonNode kind : kinds) {
      table.row(
          kind.path("code").asText(),
          count(kind.path("rows")),
          percent(kind.path("rows").asLong(), read),
          kind.path("example").path("reason").asText());
      table.row("", "", "", "  " + place(kind.path("example")));
    }
    table.appendTo(out.append('\n'));
  }

  private static String place(JsonNode example) {
    if (example.has("topic")) {
      return "%s, partition %s, offset %s"
          .formatted(
              example.path("topic").asText(),
              example.path("partition").asText(),
              example.path("offset").asText());
    }
    String file = example.path("file").asText("");
    return "row %s of %s"
        .formatted(example.path("row").asText(), file.substring(file.lastIndexOf('/') + 1));
  }

  private static void appendUnreadable(JsonNode unreadable, StringBuilder out) {
    TextTable table = new TextTable().left("file not read", 40).left("reason", TextTable.WIDTH);
    for (JsonNode file : unreadable.path("files")) {
      String name = file.path("file").asText();
      table.row(name.substring(name.lastIndexOf('/') + 1), file.path("reason").asText());
    }
    if (!table.isEmpty()) {
      table.appendTo(out.append('\n'));
    }
  }

  private static String count(JsonNode count) {
    return count.isNull() ? "" : String.format(Locale.ROOT, "%,d", count.asLong());
  }

  static String percent(long part, long whole) {
    return whole == 0 ? "" : percent((double) part / whole);
  }

  /** Says 0 and 100 only of what is. */
  static String percent(double share) {
    if (share == 0 || share == 1) {
      return share == 0 ? "0 %" : "100 %";
    }
    double percent = Math.min(99.99, Math.max(0.01, 100 * share));
    return String.format(Locale.ROOT, "%.2f %%", percent);
  }

  /** 2024-03-01T08:05:00Z as 2024-03-01 08:05. */
  private static String minute(String time) {
    return time.substring(0, 16).replace('T', ' ');
  }

  private static String duration(double seconds) {
    if (seconds < 120) {
      return String.format(Locale.ROOT, "%.3f s", seconds);
    }
    if (seconds < 2 * 3600) {
      return String.format(Locale.ROOT, "%.0f min", seconds / 60);
    }
    return seconds < 48 * 3600
        ? String.format(Locale.ROOT, "%.1f h", seconds / 3600)
        : String.format(Locale.ROOT, "%.1f days", seconds / 86_400);
  }
}
