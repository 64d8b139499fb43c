package io.highwater.transforms;

import io.highwater.rollup.RollUpKey;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

final class RollUpKeyCoder extends BatchCoders.DataCoder<RollUpKey> {
  @Override
  void write(RollUpKey value, DataOutput out) throws IOException {
    value.writeTo(out);
  }

  @Override
  RollUpKey read(DataInput in) throws IOException {
    return RollUpKey.readFrom(in);
  }
}
