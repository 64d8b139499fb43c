package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.detect.OutlierRows;
import io.highwater.record.RecordSchemas;
import io.highwater.record.RejectedRecords;
import io.highwater.rollup.RollUpSchema;
import io.highwater.status.StatusRows;
import java.util.Locale;
import org.apache.arrow.vector.types.pojo.Schema;
import org.joda.time.Duration;

/** The tables of the lake that the pipelines write. */
public enum Table {
  EVENTS {
    @Override
    public Schema schema(Contract contract) {
      return RecordSchemas.events(contract);
    }

    @Override
    String timeColumn(Contract contract) {
      return contract.eventTime();
    }
  },
  ROLLUPS {
    @Override
    public Schema schema(Contract contract) {
      return RollUpSchema.of(contract);
    }

    @Override
    String timeColumn(Contract contract) {
      return RollUpSchema.WINDOW_START;
    }
  },
  OUTLIERS {
    @Override
    public Schema schema(Contract contract) {
      return OutlierRows.schema(contract);
    }

    @Override
    String timeColumn(Contract contract) {
      return contract.eventTime();
    }
  },
  REJECTED {
    @Override
    public Schema schema(Contract contract) {
      return RejectedRecords.SCHEMA;
    }

    @Override
    String timeColumn(Contract contract) {
      return RejectedRecords.RECEIVED_AT;
    }
  },
  STATUS {
    @Override
    public Schema schema(Contract contract) {
      return StatusRows.SCHEMA;
    }

    @Override
    String timeColumn(Contract contract) {
      return StatusRows.REPORTED_AT;
    }

    /** A row every few seconds would be a file every few seconds; who is in a hurry reads live. */
    @Override
    Duration maxFileAge() {
      return Duration.standardSeconds(60);
    }
  };

  /** With the checkpoint interval, the lake's latency. */
  private static final Duration MAX_FILE_AGE = Duration.standardSeconds(4);

  /** The columns of its batches. */
  public abstract Schema schema(Contract contract);

  /** The column that says into which hour a row belongs. */
  abstract String timeColumn(Contract contract);

  /** How long rows of a stream wait for company before they become a file. */
  Duration maxFileAge() {
    return MAX_FILE_AGE;
  }

  /** Its folder in the lake. */
  public String folder() {
    return name().toLowerCase(Locale.ROOT);
  }
}
