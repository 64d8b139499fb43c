package io.highwater.quality;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Locale;

/** A {@link ChangeReport} for a terminal of 100 columns. */
public final class ChangeTable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Of what there may be thousands, so many are shown; the JSON has them all. */
  private static final int SHOWN = 10;

  private static final int NUMBER_WIDTH = 15;

  private ChangeTable() {}

  /**
   * @param report of {@link ChangeReport#toJson}
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
    out.append(
        "What %s %s would change in %s of the lake. Nothing was written.\n\n"
            .formatted(
                root.path("contract").asText(),
                root.path("contract_version").asText(),
                root.path("hours").asLong() == 1 ? "1 hour" : count(root, "hours") + " hours"));
    appendRows(root, out);
    appendColumns(root.path("columns"), out);
    appendInstances(root, out);
    appendSample(root.path("sample"), out);
    QualityTable.appendRejected(
        root.path("rejected"),
        root.path("rejected_rows").asLong() + root.path("rows").path("after").asLong(),
        out);
    return out.toString();
  }

  private static void appendRows(JsonNode root, StringBuilder out) {
    JsonNode rows = root.path("rows");
    long before = rows.path("before").asLong();
    TextTable table = new TextTable().left("", 20).right("", 20).right("", 10).left("", 60);
    table.row("rows before", count(rows, "before"), "", "");
    for (String part : new String[] {"unchanged", "changed"}) {
      table.row(
          "  " + part,
          count(rows, part),
          QualityTable.percent(rows.path(part).asLong(), before),
          "");
    }
    table.row(
        "  removed",
        count(rows, "removed"),
        QualityTable.percent(rows.path("removed").asLong(), before),
        "no longer accepted, or not in the input");
    table.row("  added", count(rows, "added"), "", "newly accepted, or not in the lake");
    table.row("rows after", count(rows, "after"), "", "");
    table.row("rows rejected", count(root, "rejected_rows"), "", "");
    table.appendTo(out);
  }

  private static void appendColumns(JsonNode columns, StringBuilder out) {
    TextTable table =
        new TextTable()
            .left("column", 29)
            .right("rows", NUMBER_WIDTH)
            .left("from", 22)
            .left("to", TextTable.WIDTH);
    for (JsonNode column : columns) {
      JsonNode changes = column.path("changes");
      table.row(column.path("column").asText(), count(column, "rows"), "", "");
      int shown = 0;
      for (JsonNode change : changes) {
        if (shown++ == SHOWN) {
          table.row("", "", "…", "");
          break;
        }
        table.row("", count(change, "rows"), value(change, "from"), value(change, "to"));
      }
    }
    if (!table.isEmpty()) {
      table.appendTo(out.append('\n'));
    }
  }

  private static void appendInstances(JsonNode root, StringBuilder out) {
    TextTable table =
        new TextTable()
            .left(root.path("instance_column").asText(), 29)
            .right("before", NUMBER_WIDTH)
            .right("changed", NUMBER_WIDTH)
            .right("removed", NUMBER_WIDTH)
            .right("added", NUMBER_WIDTH)
            .left("", 1);
    int shown = 0;
    for (JsonNode instance : root.path("instances")) {
      if (instance.path("unchanged").asLong() == instance.path("after").asLong()
          && instance.path("removed").asLong() == 0) {
        continue;
      }
      if (shown++ == SHOWN) {
        table.row("…", "", "", "", "", "");
        break;
      }
      table.row(
          instance.path("instance").asText(),
          count(instance, "before"),
          count(instance, "changed"),
          count(instance, "removed"),
          count(instance, "added"),
          "");
    }
    if (!table.isEmpty()) {
      table.appendTo(out.append('\n'));
    }
  }

  private static void appendSample(JsonNode sample, StringBuilder out) {
    TextTable table =
        new TextTable().left("for example", 30).left("at", 19).left("", TextTable.WIDTH);
    int shown = 0;
    for (JsonNode row : sample) {
      if (shown++ == SHOWN) {
        break;
      }
      StringBuilder key = new StringBuilder();
      row.path("key")
          .properties()
          .forEach(part -> key.append(key.isEmpty() ? "" : ", ").append(part.getValue().asText()));
      StringBuilder changes = new StringBuilder();
      for (JsonNode change : row.path("changes")) {
        changes
            .append(changes.isEmpty() ? "" : ", ")
            .append(change.path("column").asText())
            .append(' ')
            .append(value(change, "from"))
            .append(" → ")
            .append(value(change, "to"));
      }
      table.row(
          key.toString(),
          row.path("event_time").asText().substring(0, 19).replace('T', ' '),
          changes.toString());
    }
    if (!table.isEmpty()) {
      table.appendTo(out.append('\n'));
    }
  }

  private static String value(JsonNode change, String member) {
    String value = change.path(member).asText();
    return value.isEmpty() ? "''" : value;
  }

  private static String count(JsonNode node, String member) {
    return String.format(Locale.ROOT, "%,d", node.path(member).asLong());
  }
}
