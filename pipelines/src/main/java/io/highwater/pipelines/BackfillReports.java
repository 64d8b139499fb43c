package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.quality.ChangeReport;
import io.highwater.quality.QualityReport;
import io.highwater.transforms.CompareWithLake;
import io.highwater.transforms.MeasureQuality;
import io.highwater.transforms.WriteReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.jspecify.annotations.Nullable;

/** Reports of a backfill: as JSON to a file of the user's, as text to one that is then shown. */
final class BackfillReports {
  private BackfillReports() {}

  /**
   * What the input is like.
   *
   * @return the file with the text
   */
  static Path quality(PCollectionTuple measurable, Contract contract, String jsonFile)
      throws IOException {
    PCollection<QualityReport> report =
        measurable.apply("MeasureQuality", MeasureQuality.of(contract));
    report.apply("WriteQuality", WriteReport.of(absolute(jsonFile), QualityReport::toJson));
    Path text = Files.createTempFile("highwater-quality", ".txt");
    report.apply("ShowQuality", WriteReport.of(text.toString(), QualityReport::toTable));
    return text;
  }

  /**
   * What would change in the lake.
   *
   * @return the file with the text
   */
  static Path changes(
      PCollectionTuple processed, CompareWithLake compare, @Nullable String jsonFile)
      throws IOException {
    PCollection<ChangeReport> report = processed.apply("CompareWithLake", compare);
    if (jsonFile != null) {
      report.apply("WriteChanges", WriteReport.of(absolute(jsonFile), ChangeReport::toJson));
    }
    Path text = Files.createTempFile("highwater-changes", ".txt");
    report.apply("ShowChanges", WriteReport.of(text.toString(), ChangeReport::toTable));
    return text;
  }

  private static String absolute(String file) {
    return file.contains("://") ? file : Path.of(file).toAbsolutePath().toString();
  }
}
