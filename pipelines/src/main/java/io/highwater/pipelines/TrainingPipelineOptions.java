package io.highwater.pipelines;

import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.Validation;
import org.jspecify.annotations.Nullable;

/** Options of {@link TrainingPipeline}, and of the training after it. */
public interface TrainingPipelineOptions extends PipelineOptions {
  @Description("The lake whose events are learned from.")
  @Nullable String getLake();

  void setLake(@Nullable String lake);

  @Description(
      "In place of --lake: files, as globs separated by commas; endings .csv and .jsonl, also with"
          + " .gz or .zst, .parquet and .arrow.")
  @Nullable String getInput();

  void setInput(@Nullable String input);

  @Description("The folder of the models.")
  @Validation.Required
  String getRegistry();

  void setRegistry(String registry);

  @Description("The data contract: the name of a built-in one, or a YAML file.")
  @Default.String("warehouse-queries")
  String getContract();

  void setContract(String contract);

  @Description("How many days of events are learned from, the newest; 3 at least.")
  @Default.String("14")
  String getWindowDays();

  void setWindowDays(String windowDays);

  @Description("How many rows at most: a uniform sample of those in the window.")
  @Default.String("400000")
  String getMaxRows();

  void setMaxRows(String maxRows);

  @Description(
      "Only events before this time, such as 2024-03-15T00:00:00Z; a whole hour. All if not given.")
  @Nullable String getUntil();

  void setUntil(@Nullable String until);

  @Description(
      "The share of all rows that may be outliers though nothing is wrong, such as 0.001; the"
          + " contract's if not given.")
  @Nullable String getAlertBudget();

  void setAlertBudget(@Nullable String alertBudget);

  @Description("Another seed gives another sample and another isolation forest.")
  @Default.String("1")
  String getSeed();

  void setSeed(String seed);

  @Description("What becomes of a file that cannot be read: fail, or skip it and go on.")
  @Default.String("fail")
  String getOnBadFile();

  void setOnBadFile(String onBadFile);
}
