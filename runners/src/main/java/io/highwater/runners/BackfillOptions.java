package io.highwater.runners;

import io.highwater.pipelines.BackfillPipelineOptions;
import org.apache.beam.runners.flink.FlinkPipelineOptions;

/** Options of {@link BackfillCommand}. */
public interface BackfillOptions extends BackfillPipelineOptions, FlinkPipelineOptions {}
