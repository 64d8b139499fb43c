package io.highwater.runners;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordingFile;

/**
 * Where the processor's time goes, by sampling the threads of this JVM with Flight Recorder. A
 * sample belongs to the first kind of work, from the top of its stack, that it knows.
 */
final class TimeProfile implements AutoCloseable {
  private static final Duration PERIOD = Duration.ofMillis(10);

  /** What the classes of a frame do, the most telling first. */
  private static final Map<String, String> WORK = new LinkedHashMap<>();

  static {
    WORK.put("com.github.luben.zstd", "compress (zstd)");
    WORK.put("org.duckdb", "derive and rule (DuckDB)");
    WORK.put("io.highwater.sql", "derive and rule (DuckDB)");
    WORK.put("io.highwater.record.EventTimeScanner", "find the event time");
    WORK.put("io.highwater.record.RecordParser", "parse");
    WORK.put("io.highwater.record.ConstraintChecker", "check constraints");
    WORK.put("io.highwater.rollup", "aggregate");
    WORK.put("io.highwater.onnx", "score: trees");
    WORK.put("io.highwater.features", "score: inputs");
    WORK.put("io.highwater.detect", "score: inputs");
    WORK.put("io.highwater.lake", "write files");
    WORK.put("io.highwater.record.RecordBatch", "copy batches between steps");
    WORK.put("io.highwater.record.RawBatch", "gather messages");
    WORK.put("io.highwater.transforms.LakeSink", "write files");
    WORK.put("io.highwater.transforms.WriteParquet", "write files");
    WORK.put("org.apache.parquet", "write files");
    WORK.put("org.apache.kafka", "Kafka consumer");
    WORK.put("org.apache.beam.sdk.io.kafka", "KafkaIO, a record at a time");
    WORK.put("io.highwater.transforms", "gather messages");
    WORK.put("org.apache.beam", "Beam and Flink");
    WORK.put("org.apache.flink", "Beam and Flink");
  }

  private static final String OTHER = "other (JVM, network)";

  private final Recording recording;
  private final Path file;

  private TimeProfile(Recording recording, Path file) {
    this.recording = recording;
    this.file = file;
  }

  static TimeProfile start(Path file) {
    Recording recording = new Recording();
    recording.enable("jdk.ExecutionSample").withPeriod(PERIOD);
    recording.enable("jdk.NativeMethodSample").withPeriod(PERIOD);
    recording.start();
    return new TimeProfile(recording, file);
  }

  /** Stops and prints the share of each kind of work, the largest first. */
  void print(PrintStream out) throws IOException {
    recording.stop();
    recording.dump(file);
    Map<String, Long> samples = new TreeMap<>();
    long all = 0;
    try (RecordingFile events = new RecordingFile(file)) {
      while (events.hasMoreEvents()) {
        RecordedEvent event = events.readEvent();
        if (event.getStackTrace() == null || isWaiting(event)) {
          continue;
        }
        samples.merge(workOf(event.getStackTrace().getFrames()), 1L, Long::sum);
        all++;
      }
    }
    long total = Math.max(1, all);
    out.printf("where the time goes (%,d samples)%n", all);
    samples.entrySet().stream()
        .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
        .forEach(
            entry ->
                out.printf("  %5.1f %%  %s%n", 100.0 * entry.getValue() / total, entry.getKey()));
  }

  /** Threads that wait for the network are sampled in native code all the time. */
  private static boolean isWaiting(RecordedEvent event) {
    if (!event.getEventType().getName().equals("jdk.NativeMethodSample")) {
      return false;
    }
    String top = event.getStackTrace().getFrames().get(0).getMethod().getType().getName();
    return !top.startsWith("org.duckdb") && !top.startsWith("com.github.luben");
  }

  private static String workOf(List<RecordedFrame> frames) {
    for (RecordedFrame frame : frames) {
      String type = frame.getMethod().getType().getName();
      for (Map.Entry<String, String> work : WORK.entrySet()) {
        if (type.startsWith(work.getKey())) {
          return work.getValue();
        }
      }
    }
    return OTHER;
  }

  @Override
  public void close() {
    recording.close();
  }
}
