package io.highwater.runners;

import io.highwater.pipelines.TrainingPipelineOptions;
import org.apache.beam.runners.flink.FlinkPipelineOptions;
import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.jspecify.annotations.Nullable;

/** Options of {@link TrainCommand}. */
public interface TrainOptions extends TrainingPipelineOptions, FlinkPipelineOptions {
  @Description(
      "Goes on watching the lake and trains again when a day of events is complete; until Ctrl-C.")
  @Default.Boolean(false)
  boolean getFollow();

  void setFollow(boolean follow);

  @Description("An HTML file with plots of what was learned.")
  @Nullable String getReport();

  void setReport(@Nullable String report);
}
