package io.highwater.pipelines;

import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.Validation;
import org.jspecify.annotations.Nullable;

/** Options of {@link BackfillPipeline}. */
public interface BackfillPipelineOptions extends HighwaterOptions {
  @Description(
      "Files, as globs separated by commas; endings .csv and .jsonl, also with .gz or .zst, .parquet"
          + " and .arrow. Or 'lake', the lake's own events; 'jdbc:TABLE'; 'kafka:TOPIC'.")
  @Validation.Required
  String getInput();

  void setInput(String input);

  @Description("The time that rejected rows are filed under; now if not given.")
  @Nullable String getAsOf();

  void setAsOf(@Nullable String asOf);

  @Description(
      "Only records from this time on, such as 2024-03-01T00:00:00Z; a whole hour. With --from or"
          + " --to, all hours between them are replaced, also those that the input has no rows in.")
  @Nullable String getFrom();

  void setFrom(@Nullable String from);

  @Description("Only records before this time; a whole hour.")
  @Nullable String getTo();

  void setTo(@Nullable String to);

  @Description("What becomes of a file that cannot be read: fail, or skip it and go on.")
  @Default.String("fail")
  String getOnBadFile();

  void setOnBadFile(String onBadFile);

  @Description(
      "How much memory the process is to take, such as 1536m or 2g; scripts/highwater makes half of"
          + " it the heap, and nothing else is held to it.")
  @Default.String("2g")
  String getMaxMemory();

  void setMaxMemory(String maxMemory);

  @Description(
      "Writes nothing to the lake and says what would change in it, by class and by instance.")
  @Default.Boolean(false)
  boolean getDryRun();

  void setDryRun(boolean dryRun);

  @Description("Of --dryRun: a file for what would change, as JSON.")
  @Nullable String getReport();

  void setReport(@Nullable String report);

  @Description(
      "Measures the quality of the input, shows it at the end, and writes it as JSON to this file.")
  @Nullable String getQualityReport();

  void setQualityReport(@Nullable String qualityReport);

  @Description(
      "Of jdbc:TABLE: a properties file with url, user, password, and optionally driver,"
          + " partitionColumn, partitions and fetchSize.")
  @Nullable String getJdbcConfig();

  void setJdbcConfig(@Nullable String jdbcConfig);

  @Description("Of kafka:TOPIC: addresses of the Kafka brokers, as HOST:PORT,HOST:PORT.")
  @Nullable String getBootstrapServers();

  void setBootstrapServers(@Nullable String bootstrapServers);

  @Description("Of kafka:TOPIC: a properties file for the Kafka consumer.")
  @Nullable String getConsumerConfig();

  void setConsumerConfig(@Nullable String consumerConfig);

  @Description(
      "Of kafka:TOPIC: only these, as PARTITION:FROM-TO,PARTITION:FROM-TO; TO is not read.")
  @Nullable String getOffsets();

  void setOffsets(@Nullable String offsets);
}
