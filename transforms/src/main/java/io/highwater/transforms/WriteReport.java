package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.values.PCollection;

/**
 * Writes a report to a file, whole or not at all, in the place of one that is there: a pipeline has
 * no other way to hand it to the one who started it. Bounded input of one element. Puts out the
 * file's name once it is written.
 */
public final class WriteReport<ReportT>
    extends PTransform<PCollection<ReportT>, PCollection<String>> {
  private final String file;
  private final SerializableFunction<ReportT, String> text;

  private WriteReport(String file, SerializableFunction<ReportT, String> text) {
    this.file = file;
    this.text = text;
  }

  /**
   * @param file on any of Beam's file systems; a local one is written by the worker, which on a
   *     cluster is another machine
   * @param text what the file holds, such as {@code QualityReport::toJson}
   */
  public static <ReportT> WriteReport<ReportT> of(
      String file, SerializableFunction<ReportT, String> text) {
    return new WriteReport<>(requireNonNull(file, "file"), requireNonNull(text, "text"));
  }

  @Override
  public PCollection<String> expand(PCollection<ReportT> report) {
    return report.apply("Write", ParDo.of(new WriteFn<>(file, text)));
  }

  private static final class WriteFn<ReportT> extends DoFn<ReportT, String> {
    private final String file;
    private final SerializableFunction<ReportT, String> text;

    WriteFn(String file, SerializableFunction<ReportT, String> text) {
      this.file = file;
      this.text = text;
    }

    @ProcessElement
    public void process(@Element ReportT report, OutputReceiver<String> out) throws IOException {
      LakeFolder.write(file, text.apply(report).getBytes(StandardCharsets.UTF_8));
      out.output(file);
    }
  }
}
