package io.highwater.transforms;

import io.highwater.rollup.RollUpRow;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

final class RollUpRowCoder extends BatchCoders.DataCoder<RollUpRow> {
  @Override
  void write(RollUpRow value, DataOutput out) throws IOException {
    value.writeTo(out);
  }

  @Override
  RollUpRow read(DataInput in) throws IOException {
    return RollUpRow.readFrom(in);
  }
}
