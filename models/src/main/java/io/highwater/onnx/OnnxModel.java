package io.highwater.onnx;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.highwater.detect.RowModel;
import io.highwater.record.Sha256;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Scores with an ONNX graph in ONNX Runtime, one thread a run. All models of a JVM with the same
 * bytes share one session, which the last one to close ends. The same rows give the same bits,
 * however they are cut into batches. Thread-safe, as long as none runs what another closes.
 */
public final class OnnxModel implements RowModel {
  /** By SHA-256 of the graph. */
  private static final ConcurrentHashMap<String, SharedSession> SESSIONS =
      new ConcurrentHashMap<>();

  private final String digest;
  private final OrtSession session;
  private final int columns;
  private final AtomicBoolean closed = new AtomicBoolean();

  private OnnxModel(String digest, OrtSession session, int columns) {
    this.digest = digest;
    this.session = session;
    this.columns = columns;
  }

  /**
   * @param graph an ONNX model with the input "features" float32[n, columns] and one output
   *     float32[n, 1]
   * @throws InvalidModelException if it is not one, or not one that ONNX Runtime can load
   */
  public static OnnxModel open(byte[] graph, int columns) throws InvalidModelException {
    String digest = Sha256.hex(graph);
    OrtSession session;
    try {
      session =
          SESSIONS.compute(
                  digest,
                  (key, shared) ->
                      shared == null
                          ? new SharedSession(newSession(graph), 1)
                          : new SharedSession(shared.session, shared.users + 1))
              .session;
    } catch (SessionFailedException e) {
      throw new InvalidModelException(
          "model %s cannot be loaded: %s".formatted(shown(digest), oneLine(e)), e);
    }
    OnnxModel model = new OnnxModel(digest, session, columns);
    try {
      model.checkShapes();
    } catch (InvalidModelException e) {
      model.close();
      throw e;
    }
    return model;
  }

  /** How many sessions this JVM has. */
  static int sessions() {
    return SESSIONS.size();
  }

  /**
   * @param rows row-major float32[rowCount, columns] from the buffer's beginning, whatever its
   *     position; direct and in native order, so that nothing is copied
   * @param out where the rowCount scores go
   */
  @Override
  public void run(FloatBuffer rows, int rowCount, float[] out) {
    if (closed.get()) {
      throw new IllegalStateException("model %s is closed".formatted(shown(digest)));
    }
    if (!rows.isDirect() || rows.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException("rows are not in a direct buffer of native order");
    }
    if (rowCount == 0) {
      return;
    }
    FloatBuffer batch = rows.duplicate().clear().limit(Math.multiplyExact(rowCount, columns));
    try (OnnxTensor features =
            OnnxTensor.createTensor(
                OrtEnvironment.getEnvironment(), batch, new long[] {rowCount, columns});
        OrtSession.Result result = session.run(Map.of(OnnxGraphs.INPUT, features))) {
      ((OnnxTensor) result.get(0)).getFloatBuffer().get(out, 0, rowCount);
    } catch (OrtException e) {
      throw new IllegalStateException(
          "model %s failed on %d rows".formatted(shown(digest), rowCount), e);
    }
  }

  /** Closing twice is closing once. */
  @Override
  public void close() {
    if (closed.getAndSet(true)) {
      return;
    }
    SESSIONS.computeIfPresent(
        digest,
        (key, shared) -> {
          if (shared.users > 1) {
            return new SharedSession(shared.session, shared.users - 1);
          }
          try {
            shared.session.close();
          } catch (OrtException e) {
            throw new IllegalStateException(
                "model %s cannot be closed".formatted(shown(digest)), e);
          }
          return null;
        });
  }

  private void checkShapes() throws InvalidModelException {
    try {
      check("input", session.getInputInfo(), columns);
      check("output", session.getOutputInfo(), 1);
      if (!session.getInputNames().contains(OnnxGraphs.INPUT)) {
        throw new InvalidModelException(
            "model %s has the input %s, not %s"
                .formatted(shown(digest), session.getInputNames(), OnnxGraphs.INPUT));
      }
    } catch (OrtException e) {
      throw new InvalidModelException(
          "model %s cannot be read: %s".formatted(shown(digest), oneLine(e)), e);
    }
  }

  private void check(String what, Map<String, NodeInfo> infos, int width)
      throws InvalidModelException {
    NodeInfo only = infos.size() == 1 ? infos.values().iterator().next() : null;
    if (only == null
        || !(only.getInfo() instanceof TensorInfo tensor)
        || tensor.type != OnnxJavaType.FLOAT
        || tensor.getShape().length != 2
        || tensor.getShape()[1] != width) {
      throw new InvalidModelException(
          "model %s does not have one %s float32[n, %d] but %s"
              .formatted(shown(digest), what, width, described(infos)));
    }
  }

  private static String described(Map<String, NodeInfo> infos) {
    StringBuilder text = new StringBuilder();
    for (NodeInfo info : infos.values()) {
      text.append(text.isEmpty() ? "" : ", ").append(info.getName());
      if (info.getInfo() instanceof TensorInfo tensor) {
        text.append(' ').append(tensor.type).append(Arrays.toString(tensor.getShape()));
      }
    }
    return text.toString();
  }

  private static OrtSession newSession(byte[] graph) {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      // Two threads would add up in another order, and lose to one when a core is busy.
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      // What a run takes goes back to the system instead of staying with each session.
      options.setCPUArenaAllocator(false);
      return OrtEnvironment.getEnvironment().createSession(graph, options);
    } catch (OrtException e) {
      throw new SessionFailedException(e);
    }
  }

  private static String shown(String digest) {
    return digest.substring(0, 12);
  }

  /** ONNX Runtime's own words, without its code and the place in its sources. */
  private static String oneLine(Exception e) {
    return String.valueOf(e.getMessage())
        .strip()
        .replaceAll("\\s*\\R\\s*", " ")
        .replaceFirst("^Error code - \\w+ - message: ", "")
        .replaceFirst("^/\\S+:\\d+ .*?\\) (?=[A-Z])", "");
  }

  private record SharedSession(OrtSession session, int users) {}

  /** Carries ONNX Runtime's own out of the map's function. */
  private static final class SessionFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    SessionFailedException(OrtException cause) {
      super(cause.getMessage(), cause);
    }
  }
}
