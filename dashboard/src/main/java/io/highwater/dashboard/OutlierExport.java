package io.highwater.dashboard;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Rows as files that other programs open: {@code csv} by RFC 4180, or {@code json}, an object with
 * rows and what is told of them.
 */
enum OutlierExport {
  CSV("csv", "text/csv; charset=utf-8") {
    @Override
    Map<String, @Nullable Object> write(Path file, Source source) throws IOException, SQLException {
      try (BufferedWriter out = Files.newBufferedWriter(file)) {
        return source.read(new CsvRows(out));
      }
    }
  },
  JSON("json", "application/json") {
    @Override
    Map<String, @Nullable Object> write(Path file, Source source) throws IOException, SQLException {
      try (JsonGenerator out = Answers.json().createGenerator(Files.newBufferedWriter(file))) {
        out.writeStartObject();
        out.writeArrayFieldStart("rows");
        Map<String, @Nullable Object> answer = source.read(new JsonRows(out));
        out.writeEndArray();
        for (Map.Entry<String, @Nullable Object> member : answer.entrySet()) {
          out.writePOJOField(member.getKey(), member.getValue());
        }
        out.writeEndObject();
        return answer;
      }
    }
  };

  private final String code;
  private final String contentType;

  OutlierExport(String code, String contentType) {
    this.code = code;
    this.contentType = contentType;
  }

  /** Where rows come from; answers with what is told of them. */
  @FunctionalInterface
  interface Source {
    Map<String, @Nullable Object> read(Rows.Sink sink) throws SQLException;
  }

  /** Its name in requests and of its files. */
  String code() {
    return code;
  }

  String contentType() {
    return contentType;
  }

  /** Writes all rows of a source and returns what is told of them. */
  abstract Map<String, @Nullable Object> write(Path file, Source source)
      throws IOException, SQLException;

  private record JsonRows(JsonGenerator out) implements Rows.Sink {
    @Override
    public void columns(List<String> names) {}

    @Override
    public void row(Map<String, @Nullable Object> row) throws IOException {
      out.writePOJO(row);
    }
  }

  private record CsvRows(Writer out) implements Rows.Sink {
    private static final Pattern QUOTED = Pattern.compile("[\",\r\n]");

    /** What spreadsheets take for the beginning of a formula. */
    private static final Pattern FORMULA = Pattern.compile("^[=+\\-@\t\r\n]");

    @Override
    public void columns(List<String> names) throws IOException {
      line(names);
    }

    @Override
    public void row(Map<String, @Nullable Object> row) throws IOException {
      line(row.values());
    }

    private void line(Collection<? extends @Nullable Object> values) throws IOException {
      String separator = "";
      for (Object value : values) {
        out.write(separator);
        out.write(field(value));
        separator = ",";
      }
      out.write("\r\n");
    }

    private static String field(@Nullable Object value) {
      if (value == null) {
        return "";
      }
      String text = value.toString();
      if (value instanceof String && FORMULA.matcher(text).find()) {
        text = "'" + text;
      }
      return QUOTED.matcher(text).find() ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }
  }
}
