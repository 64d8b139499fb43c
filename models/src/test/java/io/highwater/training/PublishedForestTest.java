package io.highwater.training;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The forest finds in classic data sets what the paper says that it finds there: table 3 of Liu,
 * Ting, Zhou (2008), areas under the ROC curve. See the README beside the data.
 */
class PublishedForestTest {
  private static final int SEEDS = 10;

  private record Labelled(float[] rows, int columns, boolean[] isOdd) {}

  @ParameterizedTest
  @CsvSource({
    "shuttle, 1.00",
    "breastw, 0.99",
    "ionosphere, 0.85",
    "satellite, 0.71",
    "pima, 0.67",
  })
  void ranksOddRowsAsPublished(String name, double published) throws IOException {
    Labelled data = read(name);
    double sum = 0;
    for (int seed = 1; seed <= SEEDS; seed++) {
      sum += areaUnderCurve(data, IsolationForest.fit(data.rows(), data.columns(), seed));
    }
    assertThat(name, sum / SEEDS, closeTo(published, 0.02));
  }

  /** The chance that an odd row has a higher score than another one; ties count half. */
  private static double areaUnderCurve(Labelled data, IsolationForest forest) {
    int count = data.isOdd().length;
    double[] scores = new double[count];
    for (int row = 0; row < count; row++) {
      scores[row] = forest.score(data.rows(), row * data.columns());
    }
    List<Integer> order =
        IntStream.range(0, count)
            .boxed()
            .sorted(Comparator.comparingDouble(row -> scores[row]))
            .toList();
    double ranks = 0;
    long odd = 0;
    int start = 0;
    while (start < count) {
      int end = start;
      while (end < count && scores[order.get(end)] == scores[order.get(start)]) {
        end++;
      }
      for (int i = start; i < end; i++) {
        if (data.isOdd()[order.get(i)]) {
          ranks += (start + 1 + end) / 2.0;
          odd++;
        }
      }
      start = end;
    }
    return (ranks - odd * (odd + 1) / 2.0) / (odd * (double) (count - odd));
  }

  private static Labelled read(String name) throws IOException {
    List<String[]> lines = new ArrayList<>();
    try (InputStream in =
            Objects.requireNonNull(
                PublishedForestTest.class.getResourceAsStream(name + ".csv.gz"), name);
        BufferedReader reader =
            new BufferedReader(
                new InputStreamReader(new GZIPInputStream(in), StandardCharsets.US_ASCII))) {
      reader.lines().forEach(line -> lines.add(line.split(",", -1)));
    }
    int columns = lines.get(0).length - 1;
    float[] rows = new float[lines.size() * columns];
    boolean[] isOdd = new boolean[lines.size()];
    for (int row = 0; row < lines.size(); row++) {
      for (int column = 0; column < columns; column++) {
        rows[row * columns + column] = Float.parseFloat(lines.get(row)[column]);
      }
      isOdd[row] = lines.get(row)[columns].equals("1");
    }
    return new Labelled(rows, columns, isOdd);
  }
}
