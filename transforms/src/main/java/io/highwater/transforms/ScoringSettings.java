package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.detect.Policy;
import io.highwater.detect.Scoring;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * How rows are scored.
 *
 * @param registry the folder of the models, in the local file system; null for none
 * @param rows which rows are scored
 * @param policy which of those are outliers
 */
public record ScoringSettings(@Nullable String registry, Scoring.Rows rows, Policy.Name policy)
    implements Serializable {
  /** No model: rows stay without scores. */
  public static final ScoringSettings NONE =
      new ScoringSettings(null, Scoring.Rows.CANDIDATES, Policy.Name.CONFORMAL);

  Scoring scoring(Contract contract) {
    return Scoring.of(requireNonNull(contract.detector(), "detector"), rows, policy);
  }
}
