package io.highwater.trainer;

import java.util.List;
import java.util.Locale;

/**
 * A plot as an SVG element, which takes its colours from the page: classes axis, grid, line, point,
 * bar and wanted. Both axes are linear in what they are given.
 */
final class Plot {
  private static final int WIDTH = 520;
  private static final int HEIGHT = 320;
  private static final int LEFT = 64;
  private static final int BOTTOM = 44;
  private static final int MARGIN = 12;

  private final StringBuilder svg = new StringBuilder();
  private final double minX;
  private final double maxX;
  private final double minY;
  private final double maxY;

  /** A place on an axis and what stands there. */
  record Tick(double at, String text) {}

  Plot(String title, double minX, double maxX, double minY, double maxY) {
    this.minX = minX;
    this.maxX = maxX > minX ? maxX : minX + 1;
    this.minY = minY;
    this.maxY = maxY > minY ? maxY : minY + 1;
    svg.append(
        "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">"
            .formatted(WIDTH, HEIGHT, escaped(title)));
  }

  static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }

  private String x(double value) {
    double share = Math.min(1, Math.max(0, (value - minX) / (maxX - minX)));
    return number(LEFT + share * (WIDTH - LEFT - MARGIN));
  }

  private String y(double value) {
    double share = Math.min(1, Math.max(0, (value - minY) / (maxY - minY)));
    return number(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - MARGIN));
  }

  Plot withAxes(String xTitle, List<Tick> xTicks, String yTitle, List<Tick> yTicks) {
    for (Tick tick : xTicks) {
      element("line", "grid", x(tick.at), y(minY), x(tick.at), y(maxY));
      text(x(tick.at), number(HEIGHT - BOTTOM + 16), "middle", tick.text);
    }
    for (Tick tick : yTicks) {
      element("line", "grid", x(minX), y(tick.at), x(maxX), y(tick.at));
      text(number(LEFT - 6), y(tick.at), "end", tick.text);
    }
    text(number((LEFT + WIDTH) / 2.0), number(HEIGHT - 6), "middle", xTitle);
    svg.append(
        "<text transform=\"translate(14 %s) rotate(-90)\" text-anchor=\"middle\">%s</text>"
            .formatted(number((HEIGHT - BOTTOM) / 2.0), escaped(yTitle)));
    return this;
  }

  private void element(
      String name, String style, String fromX, String fromY, String toX, String toY) {
    svg.append(
        "<%s class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>"
            .formatted(name, style, fromX, fromY, toX, toY));
  }

  private void text(String x, String y, String anchor, String text) {
    svg.append(
        "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\">%s</text>"
            .formatted(x, y, anchor, escaped(text)));
  }

  Plot withLine(String style, double fromX, double fromY, double toX, double toY) {
    element("line", style, x(fromX), y(fromY), x(toX), y(toY));
    return this;
  }

  Plot withPoint(double x, double y) {
    svg.append("<circle class=\"point\" r=\"1.6\" cx=\"%s\" cy=\"%s\"/>".formatted(x(x), y(y)));
    return this;
  }

  /** A point that says what it is when pointed at. */
  Plot withMark(double x, double y, String title) {
    svg.append(
        "<circle class=\"mark\" r=\"4\" cx=\"%s\" cy=\"%s\"><title>%s</title></circle>"
            .formatted(x(x), y(y), escaped(title)));
    return this;
  }

  String toSvg() {
    return svg + "</svg>";
  }
}
