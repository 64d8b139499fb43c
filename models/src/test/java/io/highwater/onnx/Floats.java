package io.highwater.onnx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** Rows outside the heap, as scoring wants them. */
final class Floats {
  private Floats() {}

  static FloatBuffer direct(float[] values, int from, int to) {
    FloatBuffer buffer =
        ByteBuffer.allocateDirect(Float.BYTES * (to - from))
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    return buffer.put(values, from, to - from).flip();
  }

  static FloatBuffer direct(float[] values) {
    return direct(values, 0, values.length);
  }
}
