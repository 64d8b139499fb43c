package io.highwater.registry;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.sameInstance;

import io.highwater.detect.FakeModels;
import io.highwater.features.Encodings;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServedModelTest {
  private static final Instant NOON = Instant.parse("2024-04-16T12:00:00Z");

  @TempDir Path root;

  private ModelRegistry registry = ModelRegistry.of(Path.of("."), StoredModels.ID);
  private final StoredModels.Opener opener = new StoredModels.Opener();
  private final AtomicLong nanos = new AtomicLong(12_345);
  private final Queue<Runnable> background = new ArrayDeque<>();

  @BeforeEach
  void makeRegistry() {
    registry = ModelRegistry.of(root, StoredModels.ID);
  }

  private ServedModel open() {
    return ServedModel.open(root, FakeModels.CONTRACT, opener, nanos::get, background::add);
  }

  private String publish(int hour) throws IOException {
    return registry.publish(
        StoredModels.model(Encodings.empty(), 1, true), NOON.plusSeconds(3600L * hour), 10);
  }

  private void pass(Duration time) {
    nanos.addAndGet(time.toNanos());
  }

  private void runBackground() {
    while (!background.isEmpty()) {
      background.remove().run();
    }
  }

  private static @Nullable String served(ServedModel model) {
    try (ServedModel.Lease lease = model.lease()) {
      return lease == null ? null : lease.model().manifest().version();
    }
  }

  @Test
  void servesNothingUntilThereIsAModel() throws IOException {
    try (ServedModel model = open()) {
      assertThat(served(model), nullValue());

      String version = publish(0);
      pass(Duration.ofSeconds(11));
      assertThat(served(model), nullValue());
      runBackground();

      assertThat(served(model), equalTo(version));
    }
    assertThat(opener.open.get(), is(0));
  }

  @Test
  void takesAnotherVersionAfterTenSecondsInTheBackground() throws IOException {
    String first = publish(0);
    try (ServedModel model = open()) {
      assertThat(served(model), equalTo(first));
      String second = publish(1);

      pass(Duration.ofMillis(9_999));
      assertThat(served(model), equalTo(first));
      assertThat(background.size(), is(0));

      pass(Duration.ofMillis(1));
      assertThat(served(model), equalTo(first));
      assertThat(served(model), equalTo(first));
      assertThat("one look at a time", background.size(), is(1));

      runBackground();
      assertThat(served(model), equalTo(second));
      assertThat(opener.open.get(), is(3));
    }
    assertThat(opener.open.get(), is(0));
  }

  @Test
  void theOldVersionStaysOpenWhileItIsUsed() throws IOException {
    String first = publish(0);
    try (ServedModel model = open()) {
      ServedModel.Lease lease = Objects.requireNonNull(model.lease());
      String second = publish(1);
      pass(Duration.ofSeconds(10));
      served(model);
      runBackground();

      assertThat(served(model), equalTo(second));
      assertThat(lease.model().manifest().version(), equalTo(first));
      assertThat(opener.open.get(), is(6));

      lease.close();
      lease.close();
      assertThat(opener.open.get(), is(3));
    }
    assertThat(opener.open.get(), is(0));
  }

  @Test
  void aBadVersionLeavesTheOldOneInServiceUntilItIsMended() throws IOException {
    String first = publish(0);
    try (ServedModel model = open()) {
      String second = publish(1);
      Path graph = root.resolve(StoredModels.ID).resolve(second).resolve("mean.onnx");
      byte[] whole = Files.readAllBytes(graph);
      Files.write(graph, "half".getBytes(UTF_8));
      pass(Duration.ofSeconds(10));
      served(model);
      runBackground();
      assertThat(served(model), equalTo(first));
      assertThat(opener.open.get(), is(3));

      Files.write(graph, whole);
      pass(Duration.ofSeconds(10));
      served(model);
      runBackground();
      assertThat(served(model), equalTo(second));
    }
    assertThat(opener.open.get(), is(0));
  }

  @Test
  void aDamagedOrMissingLatestLeavesTheOldOneInService() throws IOException {
    String first = publish(0);
    try (ServedModel model = open()) {
      Path latest = root.resolve(StoredModels.ID).resolve("latest.json");
      Files.writeString(latest, "{\"version\": \"../../etc\"}");
      pass(Duration.ofSeconds(10));
      served(model);
      runBackground();
      assertThat(served(model), equalTo(first));

      Files.delete(latest);
      pass(Duration.ofSeconds(10));
      served(model);
      runBackground();
      assertThat(served(model), equalTo(first));
    }
  }

  @Test
  void allOfAProcessShareOneModel() throws IOException {
    publish(0);
    ServedModel one = open();
    ServedModel other = open();
    try (ServedModel.Lease left = Objects.requireNonNull(one.lease());
        ServedModel.Lease right = Objects.requireNonNull(other.lease())) {
      assertThat(left.model(), sameInstance(right.model()));
    }
    assertThat(opener.open.get(), is(3));

    one.close();
    one.close();
    assertThat(opener.open.get(), is(3));
    other.close();
    assertThat(opener.open.get(), is(0));
  }

  @Test
  void aLoadThatEndsAfterTheLastUserLeavesNothingOpen() throws IOException {
    publish(0);
    ServedModel model = open();
    publish(1);
    pass(Duration.ofSeconds(10));
    served(model);
    model.close();

    runBackground();

    assertThat(opener.open.get(), is(0));
  }

  /** A closed model throws when it is run, and one that is closed twice throws then. */
  @Test
  void noThreadEverScoresWithAClosedModel() throws Exception {
    publish(0);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    AtomicLong time = new AtomicLong();
    try (ServedModel model =
        ServedModel.open(
            root,
            FakeModels.CONTRACT,
            opener,
            () -> time.addAndGet(Duration.ofSeconds(11).toNanos()),
            Runnable::run)) {
      List<Future<?>> users = new ArrayList<>();
      for (int thread = 0; thread < 3; thread++) {
        users.add(
            threads.submit(
                () -> {
                  float[] out = new float[1];
                  int columns = FakeModels.FEATURES.columns();
                  for (int i = 0; i < 300; i++) {
                    try (ServedModel.Lease lease = Objects.requireNonNull(model.lease())) {
                      FloatBuffer row = FloatBuffer.allocate(columns);
                      lease.model().scoring().mean().run(row, 1, out);
                    }
                  }
                  return null;
                }));
      }
      for (int hour = 1; hour < 30; hour++) {
        publish(hour);
      }
      for (Future<?> user : users) {
        user.get();
      }
    } finally {
      threads.shutdown();
    }
    assertThat(opener.open.get(), is(0));
  }
}
