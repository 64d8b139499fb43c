package io.highwater.trainer;

import io.highwater.registry.Manifest;
import io.highwater.trainer.NewestOutliers.Finding;
import io.highwater.trainer.Plot.Tick;
import io.highwater.trainer.TrainingResult.Part;
import io.highwater.trainer.TrainingResult.ReportData;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** One HTML file that shows what a training has learned; it needs nothing beside it. */
public final class TrainingReport {
  private static final long MICROS_PER_DAY = 86_400_000_000L;
  private static final int MAX_POINTS = 3_000;
  private static final int MAX_FEATURES = 15;

  private static final String STYLE =
      """
      :root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6876; --line: #d5dbe2;
        --paper: #ffffff; --one: #1f6fb2; --two: #c2571a; }
      @media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --soft: #9aa7b5;
        --line: #364250; --paper: #141a21; --one: #6db3ee; --two: #f0945c; } }
      body { margin: 0 auto; padding: 16px; max-width: 1180px; color: var(--ink);
        background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
      h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 28px 0 4px; }
      p { margin: 4px 0 8px; color: var(--soft); max-width: 75ch; }
      .plots { display: grid; gap: 24px;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
      section { min-width: 0; } svg { width: 100%; height: auto; display: block; }
      svg text { fill: var(--soft); font-size: 11px; dominant-baseline: middle; }
      .grid { stroke: var(--line); } .wanted { stroke: var(--two); stroke-dasharray: 5 4; }
      .line { stroke: var(--one); stroke-width: 2; } .point { fill: var(--one); opacity: .35; }
      .mark { fill: var(--one); } .table { overflow-x: auto; }
      table { border-collapse: collapse; width: 100%; font-size: 14px; }
      th, td { text-align: left; vertical-align: top; padding: 4px 10px 4px 0;
        border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
      td.number, th.number { text-align: right; white-space: nowrap; }
      .bar { height: 10px; background: var(--one); min-width: 1px; }
      td.wide { width: 45%; min-width: 120px; }
      """;

  private TrainingReport() {}

  /**
   * Writes the report.
   *
   * @param version the model's name
   */
  public static String html(TrainingResult result, String version) {
    Manifest manifest = result.model().manifest();
    ReportData data = result.report();
    return """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>%1$s %2$s</title><style>
    %3$s</style></head><body>
    <h1>Model %1$s, version %2$s</h1>
    <p>Learned from %4$s rows of %5$s to %6$s. %7$s: %8$s.</p>
    %9$s
    <div class="plots">
    %10$s
    </div>
    %11$s
    </body></html>
    """
        .formatted(
            Plot.escaped(manifest.contract()),
            Plot.escaped(version),
            STYLE,
            count(manifest.training().rows()),
            manifest.training().from().substring(0, 10),
            manifest.training().to().substring(0, 10),
            manifest.gate().accepted() ? "It is in service" : "It is not in service",
            Plot.escaped(manifest.gate().reason()),
            figures(result),
            String.join(
                "\n",
                predictedAgainstActual(data),
                coverageByDay(data),
                calibrationCurve(data),
                importance(data),
                forest(
                    data,
                    data.forest(),
                    "Isolation forest of what is left unexplained",
                    "What serves as forest_score: it rises with what the prediction does not"
                        + " explain."),
                forest(
                    data,
                    data.rawForest(),
                    "Isolation forest of the features alone",
                    "For comparison, and not used: it finds what is rare, not what is slow.")),
            coverageByCategory(data) + findings(data));
  }

  private static String section(String title, String text, String content) {
    return "<section><h2>%s</h2><p>%s</p>%s</section>"
        .formatted(Plot.escaped(title), Plot.escaped(text), content);
  }

  private static String figures(TrainingResult result) {
    Manifest manifest = result.model().manifest();
    StringBuilder rows = new StringBuilder();
    new TreeMap<>(manifest.metrics()).forEach((name, value) -> rows.append(figure(name, value)));
    rows.append(figure("newest_pinball_loss", manifest.heldOut().pinballLoss()));
    rows.append(figure("alert_budget", manifest.calibration().alertBudget()));
    rows.append(figure("threshold", manifest.calibration().threshold()));
    return section(
        "Figures",
        "Of %s, the newest day, which nothing was learned from; %s rows."
            .formatted(manifest.heldOut().day(), count(result.newestRows())),
        "<div class=\"table\"><table>" + rows + "</table></div>");
  }

  private static String figure(String name, double value) {
    return "<tr><td>%s</td><td class=\"number\">%s</td></tr>"
        .formatted(Plot.escaped(name.replace('_', ' ')), String.format(Locale.ROOT, "%.4f", value));
  }

  private static Part newest(ReportData data) {
    return data.parts().get(data.parts().size() - 1);
  }

  /** Every so many rows, so that there are not more points than one can see. */
  private static int[] some(int count) {
    int step = Math.max(1, count / MAX_POINTS);
    return IntStream.range(0, count).filter(row -> row % step == 0).toArray();
  }

  private static double log(double millis) {
    return Math.log10(Math.max(1, millis));
  }

  private static List<Tick> durations() {
    return List.of(
        new Tick(0, "1 ms"),
        new Tick(1, "10 ms"),
        new Tick(2, "0.1 s"),
        new Tick(3, "1 s"),
        new Tick(4, "10 s"),
        new Tick(5, "100 s"),
        new Tick(6, "1,000 s"));
  }

  private static String predictedAgainstActual(ReportData data) {
    Part part = newest(data);
    double[] mean = part.predictions().totalMean(part.rows());
    Plot plot =
        new Plot("Predicted against actual", 0, 6.5, 0, 6.5)
            .withAxes("predicted", durations(), "actual", durations())
            .withLine("wanted", 0, 0, 6.5, 6.5);
    for (int row : some(mean.length)) {
      plot.withPoint(log(mean[row]), log(part.rows().actual()[row]));
    }
    return section(
        "Predicted against actual",
        "Rows of the newest day. On the dashed line a row took what was predicted; above it,"
            + " longer.",
        plot.toSvg());
  }

  private static String coverageByDay(ReportData data) {
    Map<Long, int[]> days = new TreeMap<>();
    for (Part part : data.parts()) {
      double[] p90 = part.predictions().totalP90(part.rows());
      for (int row = 0; row < p90.length; row++) {
        int[] of =
            days.computeIfAbsent(
                Math.floorDiv(part.rows().micros()[row], MICROS_PER_DAY), unused -> new int[2]);
        of[0] += part.rows().actual()[row] <= p90[row] ? 1 : 0;
        of[1]++;
      }
    }
    List<Long> order = List.copyOf(days.keySet());
    int last = order.size() - 1;
    List<Tick> ticks = new ArrayList<>();
    for (int i = 0; i <= last; i += Math.max(1, order.size() / 5)) {
      ticks.add(new Tick(i, LocalDate.ofEpochDay(order.get(i)).toString()));
    }
    Plot plot =
        new Plot("Coverage by day", -0.5, last + 0.5, 0.7, 1)
            .withAxes("day", ticks, "coverage", shares(0.7, 0.8, 0.9, 1))
            .withLine("wanted", -0.5, 0.9, last + 0.5, 0.9);
    for (int i = 0; i <= last; i++) {
      int[] of = days.getOrDefault(order.get(i), new int[] {0, 1});
      double coverage = of[0] / (double) of[1];
      plot.withMark(
          i,
          coverage,
          "%s: %s of %s rows"
              .formatted(LocalDate.ofEpochDay(order.get(i)), percent(coverage), count(of[1])));
    }
    return section(
        "Coverage by day",
        "The share of rows at or below their calibrated 0.90 quantile, of days that no tree was"
            + " fitted to: early stopping, calibration, and the newest last.",
        plot.toSvg());
  }

  private static List<Tick> shares(double... values) {
    return Arrays.stream(values).mapToObj(value -> new Tick(value, percent(value))).toList();
  }

  /** What is predicted to be exceeded by nine of ten, held against how often that is so. */
  private static String calibrationCurve(ReportData data) {
    Part part = newest(data);
    double[] p90 = part.predictions().totalP90(part.rows());
    Integer[] order =
        IntStream.range(0, p90.length)
            .boxed()
            .sorted(Comparator.comparingDouble(row -> p90[row]))
            .toArray(Integer[]::new);
    Plot plot =
        new Plot("Calibration", 0, 10, 0.5, 1)
            .withAxes(
                "tenth of the rows, by predicted quantile",
                IntStream.rangeClosed(1, 10)
                    .mapToObj(tenth -> new Tick(tenth - 0.5, Integer.toString(tenth)))
                    .toList(),
                "coverage",
                shares(0.5, 0.6, 0.7, 0.8, 0.9, 1))
            .withLine("wanted", 0, 0.9, 10, 0.9);
    for (int tenth = 0; tenth < 10; tenth++) {
      int from = (int) ((long) order.length * tenth / 10);
      int to = (int) ((long) order.length * (tenth + 1) / 10);
      int before = 0;
      int after = 0;
      for (int i = from; i < to; i++) {
        double actual = part.rows().actual()[order[i]];
        before += actual <= data.uncalibratedP90()[order[i]] ? 1 : 0;
        after += actual <= p90[order[i]] ? 1 : 0;
      }
      int size = Math.max(1, to - from);
      plot.withLine(
          "line", tenth + 0.5, before / (double) size, tenth + 0.5, after / (double) size);
      plot.withMark(
          tenth + 0.5,
          after / (double) size,
          "%s; before calibration %s"
              .formatted(percent(after / (double) size), percent(before / (double) size)));
    }
    return section(
        "Calibration",
        "Rows of the newest day by how long they were expected to take at most: points are the"
            + " coverage after calibration, and their tails begin where it was before.",
        plot.toSvg());
  }

  private static String importance(ReportData data) {
    double sum = data.meanGain().stream().mapToDouble(Double::doubleValue).sum();
    double p90Sum = data.p90Gain().stream().mapToDouble(Double::doubleValue).sum();
    List<Integer> order =
        IntStream.range(0, data.featureNames().size())
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -data.meanGain().get(i)))
            .limit(MAX_FEATURES)
            .toList();
    StringBuilder rows =
        new StringBuilder(
            "<tr><th>feature</th><th class=\"number\">mean</th><th class=\"number\">P90</th>"
                + "<th></th></tr>");
    for (int feature : order) {
      double share = sum == 0 ? 0 : data.meanGain().get(feature) / sum;
      double p90Share = p90Sum == 0 ? 0 : data.p90Gain().get(feature) / p90Sum;
      rows.append(
          "<tr><td>%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td>"
                  .formatted(
                      Plot.escaped(data.featureNames().get(feature)),
                      percent(share),
                      percent(p90Share))
              + "<td class=\"wide\"><div class=\"bar\" style=\"width:%s%%\"></div></td></tr>"
                  .formatted(String.format(Locale.ROOT, "%.1f", 100 * share)));
    }
    return section(
        "Feature importance",
        "By how much the splits of a feature lowered the training loss, as a share of all.",
        "<div class=\"table\"><table>" + rows + "</table></div>");
  }

  private static String forest(ReportData data, double[] scores, String title, String text) {
    Part part = newest(data);
    double[] p90 = part.predictions().totalP90(part.rows());
    Plot plot =
        new Plot(title, 0.3, 0.9, -2, 2)
            .withAxes(
                "score of the forest",
                IntStream.rangeClosed(3, 9)
                    .mapToObj(tenth -> new Tick(tenth / 10.0, "0." + tenth))
                    .toList(),
                "actual over P90",
                List.of(
                    new Tick(-2, "1/100"),
                    new Tick(-1, "1/10"),
                    new Tick(0, "1"),
                    new Tick(1, "10"),
                    new Tick(2, "100")))
            .withLine("wanted", 0.3, 0, 0.9, 0);
    for (int row : some(scores.length)) {
      double ratio = Math.max(1, part.rows().actual()[row]) / Math.max(1, p90[row]);
      plot.withPoint(scores[row], Math.log10(ratio));
    }
    return section(title, text, plot.toSvg());
  }

  private static String coverageByCategory(ReportData data) {
    if (data.categoryColumn() < 0) {
      return "";
    }
    Part part = newest(data);
    double[] mean = part.predictions().totalMean(part.rows());
    double[] p90 = part.predictions().totalP90(part.rows());
    StringBuilder lines = new StringBuilder();
    for (int category = 0; category < data.categories().size(); category++) {
      int number = category;
      int[] rows =
          IntStream.range(0, part.rows().count())
              .filter(
                  row ->
                      part.rows().features()[row * part.rows().columns() + data.categoryColumn()]
                          == number)
              .toArray();
      if (rows.length == 0) {
        continue;
      }
      double[] actual = pick(part.rows().actual(), rows);
      lines.append(
          "<tr><td>%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td></tr>"
              .formatted(
                  Plot.escaped(data.categories().get(category)),
                  count(rows.length),
                  percent(Errors.coverage(actual, pick(p90, rows))),
                  String.format(
                      Locale.ROOT,
                      "%.3f",
                      Errors.rootMeanSquaredLogError(actual, pick(mean, rows)))));
    }
    String name = data.featureNames().get(data.categoryColumn());
    return section(
        "Coverage by " + name.replace('_', ' '),
        "Rows of the newest day; 90 % is wanted. RMSLE is the error of the mean on a logarithmic"
            + " scale.",
        "<div class=\"table\"><table><tr><th>%s</th><th class=\"number\">rows</th><th class=\"number\">coverage</th><th class=\"number\">RMSLE</th></tr>%s</table></div>"
            .formatted(Plot.escaped(name), lines));
  }

  private static double[] pick(double[] values, int[] rows) {
    return Arrays.stream(rows).mapToDouble(row -> values[row]).toArray();
  }

  private static String findings(ReportData data) {
    StringBuilder lines = new StringBuilder();
    for (Finding finding : data.findings()) {
      lines.append(
          "<tr><td>%s<br>%s</td><td class=\"number\">%s</td><td>%s</td><td>%s</td></tr>"
              .formatted(
                  finding.time(),
                  Plot.escaped(finding.key()),
                  String.format(Locale.ROOT, "%.1f", finding.score()),
                  Plot.escaped(finding.severity()),
                  Plot.escaped(finding.sentence())));
    }
    return section(
        "What it would have flagged",
        data.findings().isEmpty()
            ? "Nothing of the newest day."
            : "The highest scores of the newest day.",
        data.findings().isEmpty()
            ? ""
            : "<div class=\"table\"><table><tr><th>when and which</th><th class=\"number\">score</th><th>severity</th><th>why</th></tr>%s</table></div>"
                .formatted(lines));
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }
}
