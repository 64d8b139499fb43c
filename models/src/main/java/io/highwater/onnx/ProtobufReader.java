package io.highwater.onnx;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The fields of a message in protobuf's wire format, by number, as far as ONNX graphs need them;
 * lists may be packed or not. Immutable.
 */
final class ProtobufReader {
  private final Map<Integer, List<Object>> fields = new HashMap<>();

  /**
   * Reads a message.
   *
   * @throws IllegalArgumentException if the bytes are none
   */
  ProtobufReader(byte[] message) {
    ByteBuffer bytes = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
    try {
      while (bytes.hasRemaining()) {
        long key = varint(bytes);
        fields
            .computeIfAbsent((int) (key >>> 3), number -> new ArrayList<>())
            .add(value((int) key & 7, bytes));
      }
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException("a protobuf message ends within a field", e);
    }
  }

  private static Object value(int wireType, ByteBuffer bytes) {
    return switch (wireType) {
      case ProtobufMessage.VARINT -> varint(bytes);
      case ProtobufMessage.LENGTH_DELIMITED -> slice(bytes);
      case ProtobufMessage.FIXED_32 -> bytes.getFloat();
      default -> throw new IllegalArgumentException("protobuf's wire type " + wireType);
    };
  }

  private static byte[] slice(ByteBuffer bytes) {
    long length = varint(bytes);
    if (length < 0 || length > bytes.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] slice = new byte[(int) length];
    bytes.get(slice);
    return slice;
  }

  private static long varint(ByteBuffer bytes) {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      byte next = bytes.get();
      value |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("a protobuf number of more than ten bytes");
  }

  private List<Object> all(int field) {
    return fields.getOrDefault(field, List.of());
  }

  boolean has(int field) {
    return fields.containsKey(field);
  }

  /** A number, 0 where the field is missing. */
  long number(int field) {
    long[] numbers = numbers(field);
    return numbers.length == 0 ? 0 : numbers[numbers.length - 1];
  }

  long[] numbers(int field) {
    List<Long> numbers = new ArrayList<>();
    for (Object value : all(field)) {
      if (value instanceof byte[] packed) {
        for (ByteBuffer rest = ByteBuffer.wrap(packed); rest.hasRemaining(); ) {
          numbers.add(varint(rest));
        }
      } else {
        numbers.add((Long) value);
      }
    }
    return numbers.stream().mapToLong(Long::longValue).toArray();
  }

  float[] floats(int field) {
    float[] floats = new float[16];
    int count = 0;
    for (Object value : all(field)) {
      ByteBuffer packed =
          value instanceof byte[] bytes
              ? ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
              : ByteBuffer.allocate(Float.BYTES).putFloat(0, (Float) value);
      while (packed.hasRemaining()) {
        floats = count < floats.length ? floats : Arrays.copyOf(floats, 2 * count);
        floats[count++] = packed.getFloat();
      }
    }
    return Arrays.copyOf(floats, count);
  }

  /** A text, empty where the field is missing. */
  String text(int field) {
    List<String> texts = texts(field);
    return texts.isEmpty() ? "" : texts.get(texts.size() - 1);
  }

  List<String> texts(int field) {
    return all(field).stream()
        .map(value -> new String((byte[]) value, StandardCharsets.UTF_8))
        .toList();
  }

  List<ProtobufReader> messages(int field) {
    return all(field).stream().map(value -> new ProtobufReader((byte[]) value)).toList();
  }
}
