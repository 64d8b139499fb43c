package io.highwater.pipelines;

import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.Validation;
import org.jspecify.annotations.Nullable;

/** Options of {@link BackfillPipeline}. */
public interface BackfillPipelineOptions extends HighwaterOptions {
  @Description(
      "Files, as globs separated by commas; endings .csv, .jsonl and .parquet, the first two also"
          + " with .gz or .zst.")
  @Validation.Required
  String getInput();

  void setInput(String input);

  @Description("The time that rejected rows are filed under; now if not given.")
  @Nullable String getAsOf();

  void setAsOf(@Nullable String asOf);
}
