package io.highwater.onnx;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes a message in protobuf's wire format, as far as ONNX graphs need it; lists are not packed.
 * Generated classes would be more code than this, and tie us to one version of the protobuf
 * runtime.
 */
final class ProtobufMessage {
  static final int VARINT = 0;
  static final int LENGTH_DELIMITED = 2;
  static final int FIXED_32 = 5;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  ProtobufMessage add(int field, long value) {
    varint((long) field << 3 | VARINT);
    varint(value);
    return this;
  }

  ProtobufMessage add(int field, String value) {
    return add(field, value.getBytes(StandardCharsets.UTF_8));
  }

  ProtobufMessage add(int field, ProtobufMessage value) {
    return add(field, value.toBytes());
  }

  ProtobufMessage add(int field, byte[] value) {
    varint((long) field << 3 | LENGTH_DELIMITED);
    varint(value.length);
    bytes.writeBytes(value);
    return this;
  }

  ProtobufMessage addFloat(int field, float value) {
    varint((long) field << 3 | FIXED_32);
    int bits = Float.floatToRawIntBits(value);
    for (int shift = 0; shift < Float.SIZE; shift += Byte.SIZE) {
      bytes.write(bits >>> shift);
    }
    return this;
  }

  byte[] toBytes() {
    return bytes.toByteArray();
  }

  private void varint(long value) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      bytes.write((int) (rest & 0x7F | 0x80));
      rest >>>= 7;
    }
    bytes.write((int) rest);
  }
}
