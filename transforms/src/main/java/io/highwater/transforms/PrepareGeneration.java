package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PDone;

/**
 * Notes which files of a bounded run are complete, hour by hour, for {@link LakeGeneration#publish}
 * to make them count when all of the run is done. A run that dies before leaves the lake as it was.
 */
public final class PrepareGeneration extends PTransform<PCollection<KV<Long, String>>, PDone> {
  private final LakeGeneration generation;
  private final Table table;

  private PrepareGeneration(LakeGeneration generation, Table table) {
    this.generation = generation;
    this.table = table;
  }

  public static PrepareGeneration of(LakeGeneration generation, Table table) {
    return new PrepareGeneration(
        requireNonNull(generation, "generation"), requireNonNull(table, "table"));
  }

  @Override
  public PDone expand(PCollection<KV<Long, String>> files) {
    files
        .apply("FilesOfHour", GroupByKey.create())
        .apply("NoteFiles", ParDo.of(new NoteFn(generation.notes(), table)));
    return PDone.in(files.getPipeline());
  }

  private static final class NoteFn extends DoFn<KV<Long, Iterable<String>>, Void> {
    private final LakeGeneration.Notes notes;
    private final Table table;

    NoteFn(LakeGeneration.Notes notes, Table table) {
      this.notes = notes;
      this.table = table;
    }

    @ProcessElement
    public void process(@Element KV<Long, Iterable<String>> hour) throws IOException {
      List<String> names = new ArrayList<>();
      hour.getValue().forEach(names::add);
      notes.write(table, requireNonNull(hour.getKey()), names);
    }
  }
}
