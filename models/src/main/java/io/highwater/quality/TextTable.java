package io.highwater.quality;

import java.util.ArrayList;
import java.util.List;

/**
 * Rows of cells as lines of text for a terminal of {@value #WIDTH} columns: aligned, each column as
 * wide as its widest cell or its limit, the last one no wider than what is left.
 */
final class TextTable {
  static final int WIDTH = 100;

  private static final String SPACE = "  ";

  private record Column(String title, boolean isRight, int maxWidth) {}

  private final List<Column> columns = new ArrayList<>();
  private final List<List<String>> rows = new ArrayList<>();

  /** Adds a column of texts. */
  TextTable left(String title, int maxWidth) {
    columns.add(new Column(title, false, maxWidth));
    return this;
  }

  /** Adds a column of numbers. */
  TextTable right(String title, int maxWidth) {
    columns.add(new Column(title, true, maxWidth));
    return this;
  }

  void row(String... cells) {
    rows.add(List.of(cells));
  }

  boolean isEmpty() {
    return rows.isEmpty();
  }

  void appendTo(StringBuilder out) {
    int[] widths = widths();
    List<String> titles = columns.stream().map(Column::title).toList();
    if (titles.stream().anyMatch(title -> !title.isEmpty())) {
      appendTo(out, titles, widths);
    }
    rows.forEach(row -> appendTo(out, row, widths));
  }

  private void appendTo(StringBuilder out, List<String> cells, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < columns.size(); i++) {
      String cell = fit(cells.get(i), widths[i]);
      String space = " ".repeat(widths[i] - length(cell));
      line.append(i == 0 ? "" : SPACE);
      line.append(columns.get(i).isRight() ? space + cell : cell + space);
    }
    out.append(line.toString().stripTrailing()).append('\n');
  }

  private int[] widths() {
    int[] widths = new int[columns.size()];
    int left = WIDTH;
    for (int column = 0; column < widths.length; column++) {
      int widest = length(columns.get(column).title());
      for (List<String> row : rows) {
        widest = Math.max(widest, length(row.get(column)));
      }
      widths[column] = Math.min(Math.min(widest, columns.get(column).maxWidth()), left);
      left = Math.max(0, left - widths[column] - SPACE.length());
    }
    return widths;
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** At most so many characters on one line; what a terminal would obey becomes a dot. */
  static String fit(String text, int width) {
    int[] characters =
        text.codePoints()
            .map(
                c ->
                    Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '·' : c)
            .toArray();
    return characters.length <= width
        ? new String(characters, 0, characters.length)
        : new String(characters, 0, Math.max(0, width - 1)) + "…";
  }
}
