package io.highwater.runners;

import io.highwater.pipelines.StreamingPipelineOptions;
import org.apache.beam.runners.flink.FlinkPipelineOptions;
import org.apache.beam.sdk.options.Description;
import org.jspecify.annotations.Nullable;

/** Options of {@link StreamCommand}. */
public interface StreamOptions extends StreamingPipelineOptions, FlinkPipelineOptions {
  @Description("Folder of checkpoints, which a restart goes on from; beside the lake if not given.")
  @Nullable String getStateDir();

  void setStateDir(@Nullable String stateDir);
}
