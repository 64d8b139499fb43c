package io.highwater.runners;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The walls between the modules, held over the class files of all of them. */
class ModuleWallsTest {
  private static final String[] MODELS = {
    "io.highwater.contract..",
    "io.highwater.record..",
    "io.highwater.sql..",
    "io.highwater.rollup..",
    "io.highwater.lake..",
    "io.highwater.status..",
    "io.highwater.export..",
    "io.highwater.quality..",
    "io.highwater.training..",
    "io.highwater.onnx..",
    "io.highwater.trainer..",
    "io.highwater.features..",
    "io.highwater.detect..",
    "io.highwater.registry..",
  };
  private static final String TRANSFORMS = "io.highwater.transforms..";
  private static final String PIPELINES = "io.highwater.pipelines..";
  private static final String DASHBOARD = "io.highwater.dashboard..";
  private static final String RUNNERS = "io.highwater.runners..";
  private static final String BROKER = "io.highwater.broker..";
  private static final String BEAM = "org.apache.beam..";
  private static final String KAFKA = "org.apache.kafka..";
  private static final String FLINK = "org.apache.flink..";
  private static final String BEAM_RUNNERS = "org.apache.beam.runners..";

  private static JavaClasses ours;

  @BeforeAll
  static void readClassFiles() {
    ours =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.highwater");
  }

  /** A rule about a package that was not read would hold whatever the code says. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "contract",
        "record",
        "sql",
        "rollup",
        "lake",
        "status",
        "export",
        "quality",
        "training",
        "onnx",
        "trainer",
        "features",
        "detect",
        "registry",
        "transforms",
        "pipelines",
        "dashboard",
        "runners"
      })
  void readsEveryPackage(String name) {
    String inPackage = "io.highwater." + name + ".";
    assertThat(
        name, ours.stream().anyMatch(type -> type.getName().startsWith(inPackage)), is(true));
  }

  @Test
  void everyClassIsInAModuleThatTheRulesKnow() {
    classes()
        .should()
        .resideInAnyPackage(
            "io.highwater.contract..",
            "io.highwater.record..",
            "io.highwater.sql..",
            "io.highwater.rollup..",
            "io.highwater.lake..",
            "io.highwater.status..",
            "io.highwater.export..",
            "io.highwater.quality..",
            "io.highwater.training..",
            "io.highwater.onnx..",
            "io.highwater.trainer..",
            "io.highwater.features..",
            "io.highwater.detect..",
            "io.highwater.registry..",
            TRANSFORMS,
            PIPELINES,
            DASHBOARD,
            RUNNERS)
        .check(ours);
  }

  @Test
  void modelsKnowNoBeamNoKafkaAndNoOtherModule() {
    noClasses()
        .that()
        .resideInAnyPackage(MODELS)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(BEAM, KAFKA, FLINK, TRANSFORMS, PIPELINES, DASHBOARD, RUNNERS, BROKER)
        .check(ours);
  }

  @Test
  void contractsAndRecordsKnowNoOtherModels() {
    noClasses()
        .that()
        .resideInAPackage("io.highwater.contract..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.highwater.record..",
            "io.highwater.sql..",
            "io.highwater.rollup..",
            "io.highwater.lake..",
            "io.highwater.status..",
            "io.highwater.export..",
            "io.highwater.quality..",
            "io.highwater.features..",
            "io.highwater.detect..",
            "io.highwater.registry..")
        .check(ours);
    noClasses()
        .that()
        .resideInAPackage("io.highwater.record..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.highwater.sql..",
            "io.highwater.rollup..",
            "io.highwater.lake..",
            "io.highwater.status..",
            "io.highwater.export..",
            "io.highwater.quality..",
            "io.highwater.features..",
            "io.highwater.detect..",
            "io.highwater.registry..")
        .check(ours);
  }

  @Test
  void packagesOfModelsHaveNoCycles() {
    slices().matching("io.highwater.(*)..").should().beFreeOfCycles().check(ours);
  }

  @Test
  void transformsKnowOnlyModels() {
    noClasses()
        .that()
        .resideInAPackage(TRANSFORMS)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(PIPELINES, DASHBOARD, RUNNERS, BROKER)
        .check(ours);
  }

  @Test
  void pipelinesKnowNeitherRunnersNorDashboard() {
    noClasses()
        .that()
        .resideInAPackage(PIPELINES)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(DASHBOARD, RUNNERS, BROKER)
        .check(ours);
  }

  @Test
  void dashboardKnowsOnlyModels() {
    noClasses()
        .that()
        .resideInAPackage(DASHBOARD)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(BEAM, FLINK, TRANSFORMS, PIPELINES, RUNNERS, BROKER)
        .check(ours);
  }

  @Test
  void onlyRunnersNameFlinkOrDirect() {
    noClasses()
        .that()
        .resideOutsideOfPackage(RUNNERS)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(FLINK, BEAM_RUNNERS)
        .check(ours);
  }
}
