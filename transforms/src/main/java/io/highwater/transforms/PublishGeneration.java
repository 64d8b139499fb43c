package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeNames;
import io.highwater.lake.Replacement;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;

/**
 * Makes the files of a bounded run count: for each hour one marker, written last, that lists the
 * files in and, where the run replaces the hour, the files out. Until then no reader sees any of
 * them; a run that dies before leaves the hour as it was.
 */
public final class PublishGeneration
    extends PTransform<PCollection<KV<Long, String>>, PCollection<Long>> {
  private final Contract contract;
  private final Table table;
  private final LakeFolder lake;
  private final String generation;

  private PublishGeneration(Contract contract, Table table, LakeFolder lake, String generation) {
    this.contract = contract;
    this.table = table;
    this.lake = lake;
    this.generation = generation;
  }

  public static PublishGeneration of(
      Contract contract, Table table, String lake, String generation) {
    return new PublishGeneration(
        requireNonNull(contract, "contract"),
        requireNonNull(table, "table"),
        new LakeFolder(lake),
        LakeNames.requireGeneration(generation));
  }

  /** Puts out the epoch hours that were published. */
  @Override
  public PCollection<Long> expand(PCollection<KV<Long, String>> files) {
    return files
        .apply("FilesOfHour", GroupByKey.create())
        .apply("WriteMarkers", ParDo.of(new MarkFn(contract, table, lake, generation)));
  }

  private static final class MarkFn extends DoFn<KV<Long, Iterable<String>>, Long> {
    private final Contract contract;
    private final Table table;
    private final LakeFolder lake;
    private final String generation;

    MarkFn(Contract contract, Table table, LakeFolder lake, String generation) {
      this.contract = contract;
      this.table = table;
      this.lake = lake;
      this.generation = generation;
    }

    @ProcessElement
    public void process(@Element KV<Long, Iterable<String>> hour, OutputReceiver<Long> out)
        throws IOException {
      long epochHour = requireNonNull(hour.getKey());
      List<String> in = new ArrayList<>();
      hour.getValue().forEach(in::add);
      Collections.sort(in);
      List<String> replaced =
          table.isReplaced() ? lake.list(contract, table, epochHour) : List.of();
      List<String> gone =
          replaced.stream()
              .filter(name -> LakeNames.isData(name) && !in.contains(name))
              .sorted()
              .toList();
      Replacement replacement = new Replacement(generation, in, gone);
      lake.write(contract, table, epochHour, replacement.markerName(), replacement.toJson());
      out.output(epochHour);
    }
  }
}
