package io.highwater.lake;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.FieldType;
import io.highwater.record.ByteArrayChannel;
import io.highwater.record.Compression;
import io.highwater.record.Lz4FrameCodec;
import io.highwater.record.RecordSchemas;
import io.highwater.record.WarehouseRows;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.compression.Lz4CompressionCodec;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.compression.CompressionCodec;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.ByteArrayReadableSeekableByteChannel;
import org.apache.commons.compress.compressors.lz4.FramedLZ4CompressorOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArrowFilesTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  void readsBackWhatItWrote(Compression compression) throws IOException {
    try (BufferAllocator allocator = new RootAllocator()) {
      List<String> expected = new ArrayList<>();
      List<byte[]> messages = new ArrayList<>();
      for (int rowCount : new int[] {1000, 0, 1, 16_384}) {
        try (VectorSchemaRoot rows = WarehouseRows.sorted(rowCount, rowCount, 50, allocator)) {
          expected.add(rows.contentToTSVString());
          messages.add(ArrowFiles.encode(rows, compression));
        }
      }
      Path file = folder.resolve("events.arrow");
      Files.write(file, assemble(events(), messages));

      List<String> read = new ArrayList<>();
      try (ArrowFileReader reader = ArrowFiles.open(file, allocator)) {
        assertThat(reader.getVectorSchemaRoot().getSchema(), equalTo(events()));
        while (reader.loadNextBatch()) {
          read.add(reader.getVectorSchemaRoot().contentToTSVString());
        }
      }
      assertThat(read, equalTo(expected));
    }
  }

  @ParameterizedTest
  @EnumSource
  void decodesColumnsOfNullsOnlyAndNoRows(Compression compression) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = VectorSchemaRoot.create(events(), allocator)) {
      for (int rowCount : new int[] {0, 1, 100}) {
        rows.allocateNew();
        rows.setRowCount(rowCount);
        byte[] message = ArrowFiles.encode(rows, compression);
        try (VectorSchemaRoot decoded = ArrowFiles.decode(events(), message, allocator)) {
          assertThat(decoded.getRowCount(), is(rowCount));
          assertThat(decoded.contentToTSVString(), equalTo(rows.contentToTSVString()));
          assertThat(decoded.getVector("user_id").getNullCount(), is(rowCount));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void keepsWhatCannotBeCompressed(Compression compression) {
    Schema schema = new Schema(List.of(RecordSchemas.column("noise", FieldType.INTEGER)));
    Random random = new Random(1);
    // More than one LZ4 block of 4 MiB.
    int rowCount = 1_200_000;
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = VectorSchemaRoot.create(schema, allocator)) {
      BigIntVector noise = (BigIntVector) rows.getVector(0);
      noise.allocateNew(rowCount);
      for (int row = 0; row < rowCount; row++) {
        // The last third can be compressed.
        noise.set(row, row < 800_000 ? random.nextLong() : 7);
      }
      rows.setRowCount(rowCount);
      byte[] message = ArrowFiles.encode(rows, compression);
      try (VectorSchemaRoot decoded = ArrowFiles.decode(schema, message, allocator)) {
        assertThat(decoded.equals(rows), is(true));
      }
    }
  }

  @Test
  void writesTheSameBytesForTheSameRows() throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.sorted(5, 3000, 50, allocator);
        VectorSchemaRoot sameRows = WarehouseRows.sorted(5, 3000, 50, allocator)) {
      for (Compression compression : Compression.values()) {
        byte[] message = ArrowFiles.encode(rows, compression);
        assertThat(ArrowFiles.encode(sameRows, compression), equalTo(message));
        assertThat(
            assemble(events(), List.of(message, message)),
            equalTo(assemble(events(), List.of(message, message))));
      }
    }
  }

  @Test
  void writesAFileWithoutRows() throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        ArrowFileReader reader =
            ArrowFiles.open(
                new ByteArrayReadableSeekableByteChannel(assemble(events(), List.of())),
                allocator)) {
      assertThat(reader.getVectorSchemaRoot().getSchema(), equalTo(events()));
      assertThat(reader.loadNextBatch(), is(false));
    }
  }

  @Test
  void refusesWhatIsNoMessage() {
    for (byte[] bytes : List.of(new byte[0], new byte[7], new byte[64])) {
      assertThrows(IllegalArgumentException.class, () -> assemble(events(), List.of(bytes)));
    }
  }

  @Test
  void arrowCompressionReadsOurLz4Files() throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.sorted(6, 2000, 50, allocator)) {
      byte[] file = assemble(events(), List.of(ArrowFiles.encode(rows, Compression.LZ4)));
      try (ArrowFileReader reader =
          new ArrowFileReader(
              new ByteArrayReadableSeekableByteChannel(file),
              allocator,
              CommonsCompressionFactory.INSTANCE)) {
        assertThat(reader.loadNextBatch(), is(true));
        assertThat(reader.getVectorSchemaRoot().equals(rows), is(true));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 100, 70_000})
  void lz4IsThatOfArrowCompressionBothWays(int length) {
    byte[] content = compressible(length);
    CompressionCodec ours = new Lz4FrameCodec();
    CompressionCodec theirs = new Lz4CompressionCodec();
    try (BufferAllocator allocator = new RootAllocator()) {
      assertThat(Arrays.equals(throughCodecs(ours, theirs, content, allocator), content), is(true));
      assertThat(Arrays.equals(throughCodecs(theirs, ours, content, allocator), content), is(true));
      assertThat(Arrays.equals(throughCodecs(ours, ours, content, allocator), content), is(true));
    }
  }

  @Test
  void arrowCompressionReadsSeveralOfOurLz4Blocks() {
    byte[] content = compressible(5 << 20);
    try (BufferAllocator allocator = new RootAllocator()) {
      byte[] read =
          throughCodecs(new Lz4FrameCodec(), new Lz4CompressionCodec(), content, allocator);
      assertThat(Arrays.equals(read, content), is(true));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void readsLz4FramesOfOtherWriters(boolean dependentBlocks) throws IOException {
    byte[] content = compressible(300_000);
    ByteArrayOutputStream frame = new ByteArrayOutputStream();
    try (OutputStream out =
        new FramedLZ4CompressorOutputStream(
            frame,
            new FramedLZ4CompressorOutputStream.Parameters(
                FramedLZ4CompressorOutputStream.BlockSize.K64, true, true, dependentBlocks))) {
      out.write(content);
    }
    try (BufferAllocator allocator = new RootAllocator();
        ArrowBuf read =
            new Lz4FrameCodec()
                .decompress(allocator, prefixed(content.length, frame.toByteArray(), allocator))) {
      assertThat(Arrays.equals(bytes(read), content), is(true));
    }
  }

  @Test
  void refusesDamagedLz4Frames() {
    byte[] content = compressible(10_000);
    try (BufferAllocator allocator = new RootAllocator()) {
      byte[] frame;
      try (ArrowBuf compressed =
          new Lz4FrameCodec().compress(allocator, buffer(content, allocator))) {
        byte[] all = bytes(compressed);
        frame = Arrays.copyOfRange(all, 8, all.length);
      }
      byte[] wrongHeader = frame.clone();
      wrongHeader[6] ^= 1;
      byte[] cut = Arrays.copyOf(frame, frame.length / 2);
      for (byte[] damaged : List.of(wrongHeader, cut)) {
        assertRefused(prefixed(content.length, damaged, allocator), allocator);
      }
      assertRefused(prefixed(content.length + 1, frame, allocator), allocator);
      assertRefused(prefixed(content.length - 1, frame, allocator), allocator);
    }
  }

  @Test
  void compressionIsWorthIt() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.sorted(8, 16_384, 50, allocator)) {
      int none = ArrowFiles.encode(rows, Compression.NONE).length;
      int lz4 = ArrowFiles.encode(rows, Compression.LZ4).length;
      int zstd = ArrowFiles.encode(rows, Compression.ZSTD).length;
      assertThat(lz4, lessThan(none / 2));
      assertThat(zstd, lessThan(lz4));
    }
  }

  private static void assertRefused(ArrowBuf compressed, BufferAllocator allocator) {
    try (compressed) {
      assertThrows(
          IllegalArgumentException.class,
          () -> new Lz4FrameCodec().decompress(allocator, compressed));
    }
  }

  private static Schema events() {
    return RecordSchemas.events(WarehouseRows.contract());
  }

  private static byte[] assemble(Schema schema, List<byte[]> messages) throws IOException {
    ByteArrayChannel channel = new ByteArrayChannel(1 << 16);
    ArrowFiles.assemble(schema, messages, channel);
    return channel.toByteArray();
  }

  private static byte[] compressible(int length) {
    byte[] words = String.join(" ", Collections.nCopies(9, "warehouse")).getBytes(UTF_8);
    byte[] content = new byte[length];
    Random random = new Random(length);
    for (int i = 0; i < length; i++) {
      content[i] = i % 100 < 60 ? words[i % words.length] : (byte) random.nextInt();
    }
    return content;
  }

  private static byte[] throughCodecs(
      CompressionCodec writer, CompressionCodec reader, byte[] content, BufferAllocator allocator) {
    ArrowBuf compressed = writer.compress(allocator, buffer(content, allocator));
    try (ArrowBuf read = reader.decompress(allocator, compressed)) {
      return bytes(read);
    }
  }

  private static ArrowBuf buffer(byte[] content, BufferAllocator allocator) {
    ArrowBuf buffer = allocator.buffer(content.length);
    buffer.writeBytes(content);
    return buffer;
  }

  /** As Arrow stores a compressed buffer: the length without compression, then the frame. */
  private static ArrowBuf prefixed(long length, byte[] frame, BufferAllocator allocator) {
    ArrowBuf buffer = allocator.buffer(8 + frame.length);
    buffer.writeLong(length);
    buffer.writeBytes(frame);
    return buffer;
  }

  private static byte[] bytes(ArrowBuf buffer) {
    byte[] bytes = new byte[(int) buffer.writerIndex()];
    buffer.getBytes(0, bytes);
    return bytes;
  }
}
