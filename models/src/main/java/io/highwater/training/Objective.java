package io.highwater.training;

/** What a duration model estimates of log1p(milliseconds). */
public enum Objective {
  /** The mean, by squared error. */
  MEAN("objective=regression metric=l2"),
  /** The 0.90 quantile, by pinball loss (Koenker and Bassett 1978). */
  QUANTILE_90("objective=quantile alpha=0.9 metric=quantile");

  private final String parameters;

  Objective(String parameters) {
    this.parameters = parameters;
  }

  /** As LightGBM wants them. */
  String parameters() {
    return parameters;
  }
}
