package io.highwater.detect;

/** Why a row is an outlier. */
public enum OutlierReason {
  /** Conformal: far above what was predicted, of a subject with a past. */
  SLOWER_THAN_PREDICTED("slower_than_predicted"),
  /** Conformal: far above what was predicted, of a subject that was not seen before. */
  SLOW_WITHOUT_HISTORY("slow_without_history"),
  /** Reference: many times what was predicted. */
  RATIO("ratio"),
  /** Reference: by minutes above what was predicted. */
  DELTA("delta"),
  /** Reference: among the slowest of its instance, and not predicted to be. */
  RANK("rank");

  private final String code;

  OutlierReason(String code) {
    this.code = code;
  }

  /** What stands in outlier_reason. */
  public String code() {
    return code;
  }
}
