package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.record.FileRecords;
import io.highwater.record.RawBatch;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.apache.beam.sdk.io.Compression;
import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.io.FileIO.ReadableFile;
import org.apache.beam.sdk.io.fs.EmptyMatchTreatment;
import org.apache.beam.sdk.io.fs.ResourceId;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.Reshuffle;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;

/**
 * Files as raw batches: bounded, without timestamps. The ending of its name says what a file holds;
 * see {@link FileRecords}. One file is read by one worker; a file that cannot be read fails the
 * run.
 */
public final class ReadFiles extends PTransform<PBegin, PCollection<RawBatch>> {
  private static final int ROWS_PER_BATCH = 16_384;

  private final List<String> globs;
  private final Instant receivedAt;

  private ReadFiles(List<String> globs, Instant receivedAt) {
    this.globs = globs;
    this.receivedAt = receivedAt;
  }

  /**
   * @param globs on any of Beam's file systems; one that matches nothing fails the run
   * @param receivedAt the time that rejected rows are filed under
   */
  public static ReadFiles of(List<String> globs, Instant receivedAt) {
    if (globs.isEmpty()) {
      throw new IllegalArgumentException("globs is empty; expected at least one");
    }
    return new ReadFiles(List.copyOf(globs), requireNonNull(receivedAt, "receivedAt"));
  }

  @Override
  public PCollection<RawBatch> expand(PBegin input) {
    return input
        .apply("Globs", Create.of(globs))
        .apply(
            "MatchFiles", FileIO.matchAll().withEmptyMatchTreatment(EmptyMatchTreatment.DISALLOW))
        .apply("SpreadFiles", Reshuffle.viaRandomKey())
        .apply("OpenFiles", FileIO.readMatches().withCompression(Compression.UNCOMPRESSED))
        .apply("ReadRecords", ParDo.of(new ReadFn(receivedAt.toEpochMilli())))
        .setCoder(BatchCoders.rawBatch());
  }

  private static final class ReadFn extends DoFn<ReadableFile, RawBatch> {
    private final long receivedAtMillis;

    ReadFn(long receivedAtMillis) {
      this.receivedAtMillis = receivedAtMillis;
    }

    @ProcessElement
    public void process(@Element ReadableFile file, OutputReceiver<RawBatch> out)
        throws IOException {
      try (FileRecords records = open(file)) {
        while (records.hasNext()) {
          out.output(records.next());
        }
      }
    }

    private FileRecords open(ReadableFile file) throws IOException {
      ResourceId resource = file.getMetadata().resourceId();
      String name = resource.toString();
      if (!FileRecords.needsLocalFile(name)) {
        return FileRecords.open(
            name, Channels.newInputStream(file.open()), ROWS_PER_BATCH, receivedAtMillis);
      }
      if (!resource.getScheme().equals("file")) {
        throw new IOException(
            name + " is not on this machine; expected a local file for this format");
      }
      return FileRecords.open(Path.of(name), ROWS_PER_BATCH, receivedAtMillis);
    }
  }
}
