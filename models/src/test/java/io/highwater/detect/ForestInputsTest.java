package io.highwater.detect;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.features.SubjectValues;
import java.nio.FloatBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class ForestInputsTest {
  @Test
  void areWhatIsUnexplainedAndTheFeaturesThatAreNamed() {
    ForestInputs inputs = ForestInputs.of(FakeModels.FEATURES, List.of("scans", "joins"));
    int width = FakeModels.FEATURES.columns();
    float[] features = new float[2 * width];
    features[FakeModels.FEATURES.names().indexOf("joins")] = 3;
    features[FakeModels.FEATURES.names().indexOf("scans")] = 4;
    features[width + FakeModels.FEATURES.names().indexOf("joins")] = Float.NaN;
    SubjectValues subjects =
        new SubjectValues(
            new long[2],
            new long[2],
            new float[] {(float) Math.log(8), Float.NaN},
            new float[] {0.5f, Float.NaN},
            new float[] {9, 0});
    FloatBuffer out = FloatBuffer.allocate(2 * inputs.columns());

    inputs.fill(
        FloatBuffer.wrap(features),
        subjects,
        new double[] {63, 100},
        new double[] {7, 100},
        new double[] {21, 50},
        out);

    assertThat(
        inputs.names(),
        equalTo(
            List.of("duration_score", "log_ratio_to_p90", "usual_deviations", "scans", "joins")));
    assertThat(
        out.array(),
        equalTo(
            new float[] {
              2,
              (float) Math.log(3),
              (float) ((Math.log(64) - (float) Math.log(8)) / 0.5),
              4,
              3,
              0,
              (float) Math.log(2),
              Float.NaN,
              0,
              Float.NaN
            }));
  }

  @Test
  void aFeatureThatIsNotThereIsNamed() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> ForestInputs.of(FakeModels.FEATURES, List.of("weight")));

    assertThat(e.getMessage(), equalTo("shape feature 'weight' is not among the features"));
  }
}
