package io.highwater.registry;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import io.highwater.detect.FakeModels;
import io.highwater.detect.Policy;
import io.highwater.detect.Scores;
import io.highwater.detect.Scoring;
import io.highwater.features.Encodings;
import io.highwater.record.WarehouseRows;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelRegistryTest {
  private static final Instant NOON = Instant.parse("2024-04-16T12:00:00Z");

  @TempDir Path root;

  private ModelRegistry registry = ModelRegistry.of(Path.of("."), StoredModels.ID);
  private final StoredModels.Opener opener = new StoredModels.Opener();

  @BeforeEach
  void makeRegistry() {
    registry = ModelRegistry.of(root, StoredModels.ID);
  }

  private String publish(int scale, boolean accepted, int hour, int keep) throws IOException {
    return registry.publish(
        StoredModels.model(Encodings.empty(), scale, accepted),
        NOON.plusSeconds(3600L * hour),
        keep);
  }

  private LoadedModel load(String version) throws IOException {
    return LoadedModel.load(registry, version, FakeModels.CONTRACT, opener);
  }

  private String refusalOf(String version) {
    return String.valueOf(
        assertThrows(ModelRefusedException.class, () -> load(version)).getMessage());
  }

  private List<String> names() throws IOException {
    try (Stream<Path> paths = Files.list(root.resolve(StoredModels.ID))) {
      return paths.map(path -> String.valueOf(path.getFileName())).toList();
    }
  }

  @Test
  void aPublishedModelScoresAsItDidBefore() throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot batch = WarehouseRows.sorted(3, 500, 1000, allocator)) {
      Encodings encodings = FakeModels.encodings(allocator);
      String version = registry.publish(StoredModels.model(encodings, 1, true), NOON, 10);

      try (LoadedModel model = load(version)) {
        Scoring scoring = Scoring.of(FakeModels.DETECTOR, Scoring.Rows.ALL, Policy.Name.CONFORMAL);
        Scores before = scoring.score(batch, FakeModels.model(encodings, 0.1, 3));
        Scores after = scoring.score(batch, model.scoring());

        assertThat(after.predicted(), equalTo(before.predicted()));
        assertThat(after.predictedP90(), equalTo(before.predictedP90()));
        assertThat(after.forestScores(), equalTo(before.forestScores()));
        assertThat(after.modelVersion(), equalTo(version));
        assertThat(after.outliers().length, is(0));
        assertThat(opener.open.get(), is(3));
      }
      assertThat(opener.open.get(), is(0));
    }
  }

  @Test
  void aManifestComesBackAsItWas() throws IOException {
    String version = publish(1, true, 0, 10);

    Manifest manifest = registry.manifest(version);

    assertThat(version, equalTo("20240416T120000000Z"));
    assertThat(
        manifest,
        equalTo(
            StoredModels.manifest(true)
                .published(version, "2024-04-16T12:00:00Z", manifest.files())));
    assertThat(manifest.files().keySet(), containsInAnyOrder(ModelRegistry.FILES.toArray()));
    assertThat(
        registry.show(version),
        equalTo(
            Files.readString(
                root.resolve(StoredModels.ID).resolve(version).resolve("manifest.json"))));
  }

  @Test
  void onlyWhatTheGateAcceptedGoesIntoService() throws IOException {
    String first = publish(1, true, 0, 10);
    publish(2, false, 1, 10);

    assertThat(registry.servedVersion(), equalTo(first));
    assertThat(registry.versions().size(), is(2));
  }

  @Test
  void twoOfTheSameMomentAreTwoVersions() throws IOException {
    String first = publish(1, true, 0, 10);
    String second = publish(2, true, 0, 10);

    assertThat(List.of(first, second), equalTo(registry.versions()));
    assertThat(registry.servedVersion(), equalTo(second));
  }

  @Test
  void keepsTheNewestAndTheOneInService() throws IOException {
    String served = publish(1, true, 0, 3);
    for (int hour = 1; hour < 6; hour++) {
      publish(1, false, hour, 3);
    }
    assertThat(
        names(),
        containsInAnyOrder(
            "latest.json",
            served,
            "20240416T150000000Z",
            "20240416T160000000Z",
            "20240416T170000000Z"));
  }

  @Test
  void promoteAndRollBackSayWhatTheyDid() throws IOException {
    String first = publish(1, true, 0, 10);
    String second = publish(2, true, 1, 10);
    String third = publish(3, false, 2, 10);

    assertThat(
        registry.promote(third, NOON), equalTo(third + " is in service now in place of " + second));
    assertThat(
        registry.promote(third, NOON),
        equalTo(third + " is in service since 2024-04-16T12:00:00Z"));
    assertThat(
        registry.rollback(NOON), equalTo(second + " is in service again in place of " + third));
    assertThat(
        registry.rollback(NOON), equalTo(first + " is in service again in place of " + second));
    assertThat(
        assertThrows(IOException.class, () -> registry.rollback(NOON)).getMessage(),
        startsWith("contract 'warehouse-queries' has no version to go back to in "));
    assertThat(registry.servedVersion(), equalTo(first));
  }

  @Test
  void rollbackPassesOverWhatWasDeleted() throws IOException {
    String first = publish(1, true, 0, 10);
    String second = publish(2, true, 1, 10);
    publish(3, true, 2, 10);
    try (Stream<Path> files = Files.list(root.resolve(StoredModels.ID).resolve(second))) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(root.resolve(StoredModels.ID).resolve(second));

    registry.rollback(NOON);

    assertThat(registry.servedVersion(), equalTo(first));
  }

  @Test
  void listsVersionsWithTheNewestFirst() throws IOException {
    assertThat(registry.list(), startsWith("contract 'warehouse-queries' has no models in "));
    publish(1, true, 0, 10);
    publish(2, false, 1, 10);
    String broken = publish(3, false, 2, 10);
    Files.writeString(root.resolve(StoredModels.ID).resolve(broken).resolve("manifest.json"), "{}");

    assertThat(
        registry.list().lines().toList(),
        equalTo(
            List.of(
                "version              state            rows  pinball loss  coverage  gate",
                "20240416T140000000Z              model warehouse-queries/20240416T140000000Z is"
                    + " refused: its manifest has the format version 0, expected 1",
                "20240416T130000000Z                 400000        0.2000    90.0 %  refused",
                "20240416T120000000Z  in service     400000        0.2000    90.0 %  accepted")));
  }

  @Test
  void anEmptyRegistryServesNothing() throws IOException {
    assertThat(registry.servedVersion(), nullValue());
    assertThat(registry.versions(), empty());
  }

  @ParameterizedTest
  @ValueSource(strings = {"mean.onnx", "p90.onnx", "forest.onnx", "encodings.arrow"})
  void aChangedFileIsRefused(String file) throws IOException {
    String version = publish(1, true, 0, 10);
    Path path = root.resolve(StoredModels.ID).resolve(version).resolve(file);
    byte[] bytes = Files.readAllBytes(path);
    bytes[bytes.length / 2] ^= 1;
    Files.write(path, bytes);

    assertThat(
        refusalOf(version),
        equalTo(
            "model warehouse-queries/20240416T120000000Z is refused: its file "
                + file
                + " is damaged: its SHA-256 is not that of the manifest"));

    Files.delete(path);

    assertThat(
        refusalOf(version),
        equalTo(
            "model warehouse-queries/20240416T120000000Z is refused: its file "
                + file
                + " is missing"));
  }

  /** Of the manifest: what stands there, what is put in its place, the refusal. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"formatVersion\" : 1|\"formatVersion\" : 2|its manifest has the format version 2, expected 1",
        "\"contract\" : \"warehouse-queries\"|\"contract\" : \"orders\"|its contract is orders, expected warehouse-queries",
        "\"target\" : \"execution_duration_ms\"|\"target\" : \"amount\"|its target is amount, expected execution_duration_ms",
        "\"subject\" : [ \"instance_id\",|\"subject\" : [ \"user_id\",|its subject is [user_id, feature_fingerprint], expected [instance_id, feature_fingerprint]",
        "\"name\" : \"scans\"|\"name\" : \"scams\"|the contract has no feature 'scams' (value(num_scans))",
        "value(num_scans)|log1p(num_scans)|feature 'scans' is value(num_scans) in the contract, and was log1p(num_scans) in training",
        "usual_deviations|deviations|its forest takes [duration_score,",
        "\"createdAt\"|\"created\"|its manifest is damaged: ",
        "{|[|its manifest is damaged: ",
      })
  void anUnfittingManifestIsRefusedInOneLine(String text, String replacement, String refusal)
      throws IOException {
    String version = publish(1, true, 0, 10);
    Path path = root.resolve(StoredModels.ID).resolve(version).resolve("manifest.json");
    String manifest = Files.readString(path);
    assertThat(manifest, containsString(text));
    int at = manifest.indexOf(text);
    Files.writeString(
        path, manifest.substring(0, at) + replacement + manifest.substring(at + text.length()));

    String message = refusalOf(version);

    assertThat(
        message, startsWith("model warehouse-queries/" + version + " is refused: " + refusal));
    assertThat(message, not(containsString("\n")));
    assertThat(opener.open.get(), is(0));
  }

  @Test
  void aGraphThatDoesNotOpenIsRefusedAndTheOthersAreClosed() throws IOException {
    TrainedModel model = StoredModels.model(Encodings.empty(), 1, true);
    String version =
        registry.publish(
            new TrainedModel(
                model.meanGraph(),
                model.p90Graph(),
                "a cat".getBytes(UTF_8),
                model.encodings(),
                model.manifest()),
            NOON,
            10);

    assertThat(
        refusalOf(version),
        equalTo(
            "model warehouse-queries/20240416T120000000Z is refused: the graph is not one of ours:"
                + " a cat"));
    assertThat(opener.open.get(), is(0));
  }

  @Test
  void aContractWithoutADetectorServesNoModel() throws IOException, InvalidContractException {
    String version = publish(1, true, 0, 10);
    try (InputStream in = ContractLoader.class.getResourceAsStream("payments.yaml")) {
      Contract payments =
          ContractLoader.parse(
              "payments.yaml", new String(Objects.requireNonNull(in).readAllBytes(), UTF_8));
      IOException e =
          assertThrows(
              IOException.class, () -> LoadedModel.load(registry, version, payments, opener));
      assertThat(e.getMessage(), containsString("the contract declares no detector"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"..", "latest.json", "20240416T130000000Z"})
  void whatIsNoVersionIsRefused(String version) throws IOException {
    publish(1, true, 0, 10);

    assertThat(
        assertThrows(ModelRefusedException.class, () -> registry.promote(version, NOON))
            .getMessage(),
        startsWith("model warehouse-queries/" + version + " is refused: "));
  }

  @Test
  void aFailedPublishLeavesNothingBehind() throws IOException {
    publish(1, true, 0, 10);
    TrainedModel model = StoredModels.model(Encodings.empty(), 1, true);
    Manifest broken = model.manifest();

    assertThrows(
        NullPointerException.class,
        () ->
            registry.publish(
                new TrainedModel(
                    model.meanGraph(), model.p90Graph(), model.forestGraph(), nothing(), broken),
                NOON,
                10));

    assertThat(names(), containsInAnyOrder("latest.json", "20240416T120000000Z"));
  }

  /** A training gone wrong, as no value of the type is. */
  @SuppressWarnings("NullAway")
  private static Encodings nothing() {
    return null;
  }
}
