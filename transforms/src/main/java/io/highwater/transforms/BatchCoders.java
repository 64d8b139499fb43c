package io.highwater.transforms;

import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.SourcedBatch;
import io.highwater.status.StatusCounts;
import java.io.DataInput;
import java.io.DataInputStream;
import java.io.DataOutput;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import org.apache.beam.sdk.coders.AtomicCoder;
import org.apache.beam.sdk.coders.Coder;

/** Coders of the elements that cross steps; all deterministic and consistent with equals. */
public final class BatchCoders {
  private static final Coder<RawBatch> RAW_BATCH = new RawBatchCoder();
  private static final Coder<RecordBatch> RECORD_BATCH = new RecordBatchCoder();
  private static final Coder<SourcedBatch> SOURCED_BATCH = new SourcedBatchCoder();
  private static final Coder<StatusCounts> STATUS_COUNTS = new StatusCountsCoder();

  private BatchCoders() {}

  public static Coder<RawBatch> rawBatch() {
    return RAW_BATCH;
  }

  public static Coder<RecordBatch> recordBatch() {
    return RECORD_BATCH;
  }

  public static Coder<SourcedBatch> sourcedBatch() {
    return SOURCED_BATCH;
  }

  static Coder<StatusCounts> statusCounts() {
    return STATUS_COUNTS;
  }

  /** A coder of values that write and read themselves. */
  abstract static class DataCoder<T> extends AtomicCoder<T> {
    abstract void write(T value, DataOutput out) throws IOException;

    abstract T read(DataInput in) throws IOException;

    @Override
    public final void encode(T value, OutputStream out) throws IOException {
      write(value, new DataOutputStream(out));
    }

    @Override
    public final T decode(InputStream in) throws IOException {
      return read(new DataInputStream(in));
    }

    @Override
    public boolean consistentWithEquals() {
      return true;
    }
  }

  private static final class RawBatchCoder extends DataCoder<RawBatch> {
    @Override
    void write(RawBatch value, DataOutput out) throws IOException {
      value.writeTo(out);
    }

    @Override
    RawBatch read(DataInput in) throws IOException {
      return RawBatch.readFrom(in);
    }
  }

  private static final class RecordBatchCoder extends DataCoder<RecordBatch> {
    @Override
    void write(RecordBatch value, DataOutput out) throws IOException {
      value.writeTo(out);
    }

    @Override
    RecordBatch read(DataInput in) throws IOException {
      return RecordBatch.readFrom(in);
    }
  }

  private static final class SourcedBatchCoder extends DataCoder<SourcedBatch> {
    @Override
    void write(SourcedBatch value, DataOutput out) throws IOException {
      value.records().writeTo(out);
      value.raw().writeTo(out);
      out.writeInt(value.rejected().size());
      for (RecordBatch rejected : value.rejected()) {
        rejected.writeTo(out);
      }
    }

    @Override
    SourcedBatch read(DataInput in) throws IOException {
      RecordBatch records = RecordBatch.readFrom(in);
      RawBatch raw = RawBatch.readFrom(in);
      RecordBatch[] rejected = new RecordBatch[in.readInt()];
      for (int i = 0; i < rejected.length; i++) {
        rejected[i] = RecordBatch.readFrom(in);
      }
      return new SourcedBatch(records, raw, List.of(rejected));
    }
  }

  private static final class StatusCountsCoder extends DataCoder<StatusCounts> {
    @Override
    void write(StatusCounts value, DataOutput out) throws IOException {
      value.writeTo(out);
    }

    @Override
    StatusCounts read(DataInput in) throws IOException {
      return StatusCounts.readFrom(in);
    }
  }
}
