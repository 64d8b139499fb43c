package io.highwater.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DurationTrainerTest {
  private static final int COLUMNS = 10;

  @ParameterizedTest
  @EnumSource(Objective.class)
  void sameRowsGiveTheSameTrees(Objective objective) {
    DurationRows rows = DurationRows.of(5_000, COLUMNS, 1);

    assertEquals(rows.train(objective).modelText(), rows.train(objective).modelText());
  }

  @Test
  void meanExplainsAllButTheNoise() {
    TrainedTrees trained = DurationRows.of(20_000, COLUMNS, 1).train(Objective.MEAN);

    // The noise's variance is 0.25.
    assertEquals(0.28, trained.validationLoss(), 0.03);
    List<Double> gain = trained.gain();
    assertEquals(COLUMNS, gain.size());
    double informative = gain.subList(0, 5).stream().mapToDouble(Double::doubleValue).sum();
    double all = gain.stream().mapToDouble(Double::doubleValue).sum();
    assertTrue(informative > 0.97 * all, gain.toString());
  }

  @Test
  void nineOfTenLaterRowsAreBelowTheQuantile() {
    TrainedTrees trained = DurationRows.of(20_000, COLUMNS, 1).train(Objective.QUANTILE_90);

    DurationRows later = DurationRows.of(20_000, COLUMNS, 2);
    int below = 0;
    for (int row = 0; row < later.count(); row++) {
      double quantile = trained.ensemble().predict(later.rows(), row * COLUMNS);
      below += later.targets()[row] <= quantile ? 1 : 0;
    }
    assertEquals(0.9, (double) below / later.count(), 0.04);
  }

  @Test
  void keepsTheTreesThatHelpWithTheValidationRows() {
    DurationRows noise = DurationRows.of(2_000, COLUMNS, 1);
    DurationRows later = DurationRows.of(500, COLUMNS, 2);
    float[] turned = new float[later.count()];
    for (int row = 0; row < turned.length; row++) {
      turned[row] = 20 - later.targets()[row];
    }

    TrainedTrees trained =
        new DurationTrainer()
            .train(noise.rows(), noise.targets(), COLUMNS, later.rows(), turned, Objective.MEAN);

    assertEquals(1, trained.bestIteration());
    assertEquals(1, trained.ensemble().trees());
  }

  @Test
  void aConstantDurationIsASingleLeaf() {
    DurationRows rows = DurationRows.of(1_000, COLUMNS, 1);
    Arrays.fill(rows.targets(), 7);
    DurationRows later = DurationRows.of(100, COLUMNS, 2);
    Arrays.fill(later.targets(), 7);

    TrainedTrees trained =
        new DurationTrainer()
            .train(
                rows.rows(),
                rows.targets(),
                COLUMNS,
                later.rows(),
                later.targets(),
                Objective.MEAN);

    assertEquals(1, trained.ensemble().nodes());
    assertEquals(7, trained.ensemble().predict(new float[COLUMNS]), 1e-6);
  }

  @ParameterizedTest
  @EnumSource(Objective.class)
  void walksAsLightGbmDoes(Objective objective) {
    TrainedTrees trained = DurationRows.of(20_000, COLUMNS, 1).train(objective);
    DurationRows unseen = DurationRows.unseen(20_000, COLUMNS, 3);
    double[] expected = new double[unseen.count()];
    try (LightGbmPredictor lightGbm = new LightGbmPredictor(trained)) {
      lightGbm.predict(unseen.rows(), unseen.count(), expected);
    }

    for (int row = 0; row < expected.length; row++) {
      assertEquals(expected[row], trained.ensemble().predict(unseen.rows(), row * COLUMNS), 1e-12);
    }
  }

  @Test
  void refusesSizesThatDoNotFit() {
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new DurationTrainer()
                    .train(
                        new float[30],
                        new float[10],
                        3,
                        new float[7],
                        new float[2],
                        Objective.MEAN));

    assertEquals("7 validation values for 2 targets of 3 columns", refused.getMessage());
  }

  /** LightGBM would take it as 0. */
  @Test
  void refusesTargetsThatAreNotNumbers() {
    DurationRows rows = DurationRows.of(100, COLUMNS, 1);
    rows.targets()[42] = Float.NaN;

    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> rows.train(Objective.MEAN));

    assertEquals("the training target of row 42 is NaN", refused.getMessage());
  }

  @Test
  void leavesNoLibraryInTheTempFolder() throws IOException {
    LightGbmLibrary.load();

    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      assertEquals(
          List.of(),
          files.filter(file -> file.getFileName().toString().startsWith("lib_lightgbm")).toList());
    }
  }
}
