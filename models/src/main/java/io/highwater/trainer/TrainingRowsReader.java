package io.highwater.trainer;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.features.Encodings;
import io.highwater.features.FeatureSet;
import io.highwater.features.PrequentialEncodings;
import io.highwater.features.RowChoice;
import io.highwater.record.KeyHasher;
import io.highwater.registry.LoadedModel;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a history once, in the order of time, so that every row is seen with what was before it.
 */
final class TrainingRowsReader {
  private static final Logger LOG = LoggerFactory.getLogger(TrainingRowsReader.class);

  /** Of rows that can be learned from: fewer make no trees, or no calibration. */
  private static final int MIN_LEARNED_ROWS = 100;

  private static final int MIN_HELD_OUT_ROWS = 20;

  private final Contract contract;
  private final Detector detector;
  private final FeatureSet features;
  private final TrainingSettings settings;
  private final ConfirmedOutliers confirmed;
  private final RowChoice choice;
  private final KeyHasher hasher;
  private final PrequentialEncodings encodings;
  private final TimeSpan span;

  TrainingRowsReader(
      Contract contract,
      Detector detector,
      FeatureSet features,
      TrainingSettings settings,
      ConfirmedOutliers confirmed) {
    this.contract = contract;
    this.detector = detector;
    this.features = features;
    this.settings = settings;
    this.confirmed = confirmed;
    this.choice = RowChoice.of(detector);
    this.hasher = KeyHasher.of(contract);
    this.encodings = PrequentialEncodings.of(contract, detector);
    this.span = new TimeSpan(contract.eventTime());
  }

  /**
   * Once.
   *
   * @throws TrainingRefusedException where there are too few rows of a part
   */
  TrainingRows read(EventHistory history, TrainingSplit split, @Nullable LoadedModel champion)
      throws IOException, TrainingRefusedException {
    LOG.info("Reading from {} on", TrainingSplit.date(split.from()));
    history.read(
        split.from(),
        split.learnFrom(),
        batch -> {
          span.add(batch);
          encodings.add(batch, trainable(batch), (rows, of, earlier) -> {});
        });
    RowSample learned = sample(features, settings.maxRows());
    read(history, split.learnFrom(), split.stopFrom(), learned);
    RowSample stop = sample(features, Math.max(RowSample.MIN_CAPACITY, settings.maxRows() / 4));
    read(history, split.stopFrom(), split.calibrateFrom(), stop);
    RowSample calibration = sample(features, settings.maxRows());
    read(history, split.calibrateFrom(), split.newestFrom(), calibration);

    RowSample newest = sample(features, settings.maxRows());
    RowSample championNewest =
        champion == null ? null : sample(champion.scoring().features(), settings.maxRows());
    boolean championSawIt = champion != null && saw(champion, split);
    Encodings[] before = {Encodings.empty()};
    history.read(
        split.newestFrom(),
        split.to(),
        batch -> {
          span.add(batch);
          newest.count(batch);
          encodings.add(
              batch,
              trainable(batch),
              (rows, of, earlier) -> {
                before[0] = earlier;
                newest.add(rows, of, earlier);
                if (champion != null && championNewest != null) {
                  championNewest.add(
                      rows, of, championSawIt ? earlier : champion.scoring().encodings());
                }
              });
        });
    return new TrainingRows(
        enough("learn from", learned, MIN_LEARNED_ROWS, split.learnFrom(), split.stopFrom()),
        enough("stop by", stop, MIN_HELD_OUT_ROWS, split.stopFrom(), split.calibrateFrom()),
        enough(
            "calibrate by",
            calibration,
            MIN_HELD_OUT_ROWS,
            split.calibrateFrom(),
            split.newestFrom()),
        enough("judge by", newest, MIN_HELD_OUT_ROWS, split.newestFrom(), split.to()),
        championNewest == null ? null : championNewest.toRows(),
        before[0],
        encodings.build(),
        span.first(),
        span.last());
  }

  private RowSample sample(FeatureSet of, int maxRows) {
    return new RowSample(contract, detector, of, maxRows, settings.seed());
  }

  private void read(EventHistory history, long fromHour, long toHour, RowSample sample)
      throws IOException {
    history.read(
        fromHour,
        toHour,
        batch -> {
          span.add(batch);
          sample.count(batch);
          encodings.add(batch, trainable(batch), sample::add);
        });
  }

  private int[] trainable(VectorSchemaRoot batch) {
    return confirmed.leaveOut(batch, choice.trainable(batch), hasher);
  }

  /** A champion that was trained on the newest day is to know no more of it than the challenger. */
  private static boolean saw(LoadedModel champion, TrainingSplit split) {
    return !Instant.parse(champion.manifest().training().to())
        .isBefore(Instant.EPOCH.plus(split.newestFrom(), ChronoUnit.HOURS));
  }

  private static SampledRows enough(
      String what, RowSample sample, int minimum, long fromHour, long toHour)
      throws TrainingRefusedException {
    SampledRows rows = sample.toRows();
    if (rows.count() < minimum) {
      throw new TrainingRefusedException(
          "there are %d rows to %s, from %s to %s; expected %d at least"
              .formatted(
                  rows.count(),
                  what,
                  Instant.EPOCH.plus(fromHour, ChronoUnit.HOURS),
                  Instant.EPOCH.plus(toHour, ChronoUnit.HOURS),
                  minimum));
    }
    return rows;
  }

  /** From the first to the last event time. */
  private static final class TimeSpan {
    private final String eventTime;
    private long first = Long.MAX_VALUE;
    private long last = Long.MIN_VALUE;

    TimeSpan(String eventTime) {
      this.eventTime = eventTime;
    }

    void add(VectorSchemaRoot batch) {
      TimeStampMicroVector times = (TimeStampMicroVector) batch.getVector(eventTime);
      for (int row = 0; row < batch.getRowCount(); row++) {
        first = Math.min(first, times.get(row));
        last = Math.max(last, times.get(row));
      }
    }

    Instant first() {
      return Instant.EPOCH.plus(first, ChronoUnit.MICROS);
    }

    Instant last() {
      return Instant.EPOCH.plus(last, ChronoUnit.MICROS);
    }
  }
}
