package io.highwater.pipelines;

import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.Validation;

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
}
