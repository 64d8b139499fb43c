package io.highwater.pipelines;

import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.Validation;
import org.jspecify.annotations.Nullable;

/** What the stream and the backfill have in common. */
public interface HighwaterOptions extends PipelineOptions {
  @Description("The lake's folder.")
  @Validation.Required
  String getLake();

  void setLake(String lake);

  @Description("The data contract: the name of a built-in one, or a YAML file.")
  @Default.String("warehouse-queries")
  String getContract();

  void setContract(String contract);

  @Description("How long after its end a window still takes late rows, in event time.")
  @Default.String("10m")
  String getAllowedLateness();

  void setAllowedLateness(String allowedLateness);

  @Description("Compression of the Arrow files: zstd, lz4 or none.")
  @Default.String("zstd")
  String getCompression();

  void setCompression(String compression);

  @Description(
      "The folder of the models, as train fills it; a new version is taken within 10 s. Without it"
          + " rows are not scored.")
  @Nullable String getRegistry();

  void setRegistry(@Nullable String registry);

  @Description(
      "Which rows are scored: candidates, those that may be outliers, or all that can be; what is"
          + " said of candidates is the same.")
  @Default.String("candidates")
  String getScore();

  void setScore(String score);

  @Description(
      "Which scored rows are outliers: conformal, by the contract's alert budget, or reference, by"
          + " fixed ratios and minutes.")
  @Default.String("conformal")
  String getPolicy();

  void setPolicy(String policy);
}
