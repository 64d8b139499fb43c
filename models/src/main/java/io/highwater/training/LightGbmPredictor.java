package io.highwater.training;

/**
 * Predicts with LightGBM itself, one thread: what the exported graphs are compared with. Not
 * thread-safe.
 */
public final class LightGbmPredictor implements AutoCloseable {
  private final LightGbm.Booster booster;
  private final int columns;

  public LightGbmPredictor(TrainedTrees trained) {
    booster = LightGbm.Booster.ofText(trained.modelText());
    columns = trained.ensemble().columns();
  }

  /**
   * @param rows row-major float32[rowCount, columns]
   * @param out float64[rowCount], log1p(milliseconds)
   */
  public void predict(float[] rows, int rowCount, double[] out) {
    booster.predict(rows, rowCount, columns, out);
  }

  @Override
  public void close() {
    booster.close();
  }
}
