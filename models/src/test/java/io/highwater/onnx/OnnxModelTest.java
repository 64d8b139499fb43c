package io.highwater.onnx;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.training.DurationRows;
import io.highwater.training.IsolationForest;
import io.highwater.training.Objective;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OnnxModelTest {
  private static final int COLUMNS = 10;
  private static final int ROWS = 20_000;

  private static DurationRows rows;
  private static byte[] duration;
  private static byte[] isolation;

  @BeforeAll
  static void train() {
    rows = DurationRows.unseen(ROWS, COLUMNS, 2);
    DurationRows training = DurationRows.of(10_000, COLUMNS, 1);
    duration = OnnxGraphs.duration(training.train(Objective.MEAN).ensemble());
    isolation = OnnxGraphs.isolation(IsolationForest.fit(training.rows(), COLUMNS, 1));
  }

  @AfterEach
  void noSessionIsLeft() {
    assertEquals(0, OnnxModel.sessions());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 1000, 16384})
  void scoresAreBitIdenticalForAnyBatchSize(int batchSize) throws InvalidModelException {
    for (byte[] graph : List.of(duration, isolation)) {
      try (OnnxModel model = OnnxModel.open(graph, COLUMNS)) {
        float[] whole = new float[ROWS];
        model.run(Floats.direct(rows.rows()), ROWS, whole);

        assertArrayEquals(whole, inBatches(model, batchSize));
      }
    }
  }

  @Test
  void threadsShareASession() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (OnnxModel model = OnnxModel.open(duration, COLUMNS)) {
      float[] expected = inBatches(model, ROWS);
      Callable<float[]> run =
          () -> {
            try (OnnxModel own = OnnxModel.open(duration, COLUMNS)) {
              return inBatches(own, 1000);
            }
          };
      for (Future<float[]> scores : threads.invokeAll(List.of(run, run, run, run))) {
        assertArrayEquals(expected, scores.get());
      }
      assertEquals(1, OnnxModel.sessions());
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void sessionEndsWithItsLastModel() throws InvalidModelException {
    OnnxModel first = OnnxModel.open(duration, COLUMNS);
    OnnxModel second = OnnxModel.open(duration.clone(), COLUMNS);
    OnnxModel other = OnnxModel.open(isolation, COLUMNS);
    assertEquals(2, OnnxModel.sessions());

    first.close();
    first.close();
    assertEquals(2, OnnxModel.sessions());
    inBatches(second, ROWS);
    assertThrows(IllegalStateException.class, () -> inBatches(first, ROWS));
    second.close();
    assertEquals(1, OnnxModel.sessions());
    other.close();
  }

  @Test
  void noRowsAreNoScores() throws InvalidModelException {
    try (OnnxModel model = OnnxModel.open(duration, COLUMNS)) {
      float[] out = {42};
      model.run(Floats.direct(new float[0]), 0, out);

      assertArrayEquals(new float[] {42}, out);
    }
  }

  @Test
  void rowsBeginAtTheBuffersBeginning() throws InvalidModelException {
    try (OnnxModel model = OnnxModel.open(duration, COLUMNS)) {
      FloatBuffer buffer = Floats.direct(rows.rows(), 0, 3 * COLUMNS);
      float[] expected = new float[2];
      model.run(buffer, 2, expected);
      float[] out = new float[2];
      model.run(buffer.position(COLUMNS), 2, out);

      assertArrayEquals(expected, out);
      assertEquals(COLUMNS, buffer.position());
    }
  }

  @Test
  void refusesABufferThatWouldBeCopied() throws InvalidModelException {
    try (OnnxModel model = OnnxModel.open(duration, COLUMNS)) {
      FloatBuffer heap = FloatBuffer.allocate(COLUMNS);

      assertThrows(IllegalArgumentException.class, () -> model.run(heap, 1, new float[1]));
    }
  }

  @Test
  void refusesAnotherNumberOfColumns() {
    assertRefused(
        duration, COLUMNS + 1, "does not have one input float32[n, 11] but features FLOAT[-1, 10]");
  }

  @Test
  void refusesBytesThatAreNoGraph() {
    assertRefused("not a model".getBytes(UTF_8), COLUMNS, "cannot be loaded: ");
    assertRefused(new byte[0], COLUMNS, "cannot be loaded: ");
    assertRefused(Arrays.copyOf(duration, duration.length / 2), COLUMNS, "cannot be loaded: ");
  }

  @Test
  void refusesAnOpsetThatIsNotKnown() {
    // The last field of the model is the version of its second domain; 3 becomes 99.
    byte[] future = duration.clone();
    assertEquals(3, future[future.length - 1]);
    future[future.length - 1] = 99;

    assertRefused(future, COLUMNS, "cannot be loaded: ONNX Runtime only *guarantees* support");
    assertRefused(future, COLUMNS, "Opset 99 is under development");
  }

  /** A changed digest each time, as when new versions of a model come. */
  @Test
  void memoryStaysOverFiftySwaps() throws InvalidModelException, IOException {
    int batch = 4096;
    FloatBuffer buffer = Floats.direct(rows.rows());
    float[] out = new float[batch];
    List<Long> resident = new ArrayList<>();
    for (int swap = 0; swap < 70; swap++) {
      byte[] graph =
          OnnxGraphs.isolation(
              IsolationForest.fit(Arrays.copyOf(rows.rows(), 1000 * COLUMNS), COLUMNS, swap));
      try (OnnxModel model = OnnxModel.open(graph, COLUMNS)) {
        model.run(buffer, batch, out);
      }
      resident.add(residentKibibytes());
    }

    long grown = resident.get(69) - resident.get(19);
    assertTrue(grown < 32 * 1024, resident.toString());
  }

  private static long residentKibibytes() throws IOException {
    System.gc();
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
      String line = lines.filter(text -> text.startsWith("VmRSS:")).findFirst().orElseThrow();
      return Long.parseLong(line.replaceAll("\\D", ""));
    }
  }

  private static void assertRefused(byte[] graph, int columns, String why) {
    InvalidModelException refused =
        assertThrows(InvalidModelException.class, () -> OnnxModel.open(graph, columns));
    String message = String.valueOf(refused.getMessage());

    assertTrue(message.startsWith("model "), message);
    assertTrue(message.contains(why), message);
    assertEquals(1, message.lines().count(), message);
  }

  private static float[] inBatches(OnnxModel model, int batchSize) {
    float[] scores = new float[ROWS];
    float[] out = new float[batchSize];
    for (int row = 0; row < ROWS; row += batchSize) {
      int count = Math.min(batchSize, ROWS - row);
      model.run(Floats.direct(rows.rows(), row * COLUMNS, (row + count) * COLUMNS), count, out);
      System.arraycopy(out, 0, scores, row, count);
    }
    return scores;
  }
}
