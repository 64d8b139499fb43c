package io.highwater.contract;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.not;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

class WarehouseQueriesTest {
  static final Iterable<String> BUILT_IN = ContractLoader.BUILT_IN;

  private static InputStream resource(String name) {
    return Objects.requireNonNull(WarehouseQueriesTest.class.getResourceAsStream(name), name);
  }

  private static JsonNode yaml(String name) throws IOException {
    try (InputStream in = resource(name)) {
      Object document = new Load(LoadSettings.builder().build()).loadFromInputStream(in);
      return new ObjectMapper().valueToTree(document);
    }
  }

  private static JsonSchema standard() throws IOException {
    try (InputStream in = resource("odcs-v3.1-subset.json")) {
      return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(in);
    }
  }

  @ParameterizedTest
  @FieldSource("BUILT_IN")
  void builtInContractsAreValidByTheStandard(String name) throws IOException {
    assertThat(standard().validate(yaml(name + ".yaml")), empty());
  }

  @Test
  void theSchemaOfTheStandardRefusesWhatItDoesNotKnow() throws IOException {
    ObjectNode contract = (ObjectNode) yaml("payments.yaml");
    assertThat(standard().validate(contract), empty());

    contract.put("eventTime", "paid_at");

    assertThat(standard().validate(contract), not(empty()));
  }

  @Test
  void builtInContractLoads() throws InvalidContractException {
    Contract contract = ContractLoader.load("warehouse-queries");

    assertThat(contract.id(), equalTo("warehouse-queries"));
    assertThat(contract.eventTime(), equalTo("arrival_timestamp"));
    assertThat(contract.key(), contains("instance_id", "query_id"));
    assertThat(contract.fields(), hasSize(24));
    assertThat(
        contract.fields().stream().filter(Field::required).map(Field::name).toList(),
        contains("instance_id", "query_id", "arrival_timestamp", "query_type"));
    assertThat(
        contract.fields().stream()
            .filter(field -> field.nullAs() != null)
            .map(Field::name)
            .toList(),
        contains(
            "num_permanent_tables_accessed",
            "num_external_tables_accessed",
            "num_system_tables_accessed",
            "mbytes_scanned",
            "mbytes_spilled",
            "num_joins",
            "num_scans",
            "num_aggregations"));
    assertThat(contract.rollUp().windows(), contains(Duration.ofMinutes(10), Duration.ofHours(1)));
  }

  /** The page and the roll-ups table rely on these names. */
  @Test
  void namesOfMeasuresAndDerivedColumnsStay() throws InvalidContractException {
    Contract contract = ContractLoader.load("warehouse-queries");

    assertThat(
        contract.rollUp().measures().stream().map(Measure::name).toList(),
        contains(
            "queries",
            "normal",
            "cpu_bound",
            "io_bound",
            "network_bound",
            "queue_wlm_bound",
            "cluster_size",
            "cached",
            "aborted",
            "spilled_queries",
            "spilled_mb",
            "scanned_mb",
            "queue_ms",
            "execution_ms",
            "compile_ms",
            "execution_p50_ms",
            "execution_p95_ms",
            "execution_p99_ms",
            "users",
            "top_read_tables",
            "spilled_queries_by_type",
            "spilled_mb_by_type",
            "joins_compile_correlation"));
    assertThat(
        contract.rollUp().scores().stream().map(Score::name).toList(),
        contains("queue_score", "compile_score", "scan_score", "spill_score"));
    assertThat(
        contract.rollUp().derived().stream().map(DerivedColumn::name).toList(),
        contains(
            "cache_hit_rate",
            "utilization",
            "oversubscription",
            "queue_share",
            "spill_share",
            "overload_share",
            "compile_share",
            "composite_score"));
    assertThat(
        contract.derived().stream().map(DerivedColumn::name).toList(),
        contains(
            "query_class",
            "is_spilled",
            "is_zero_compile_duration_ms",
            "is_zero_queue_duration_ms",
            "is_zero_execution_duration_ms",
            "is_zero_mbytes_scanned",
            "is_zero_mbytes_spilled",
            "log1p_compile_duration_ms",
            "log1p_queue_duration_ms",
            "log1p_execution_duration_ms",
            "log1p_mbytes_scanned",
            "log1p_mbytes_spilled"));
  }

  /** Nothing that is known only when a query has ended may be learned from. */
  @Test
  void theDetectorSeesOnlyWhatIsKnownBeforeTheQueryRuns() throws InvalidContractException {
    Detector detector = Objects.requireNonNull(ContractLoader.load("warehouse-queries").detector());

    assertThat(detector.target(), equalTo("execution_duration_ms"));
    assertThat(detector.subject(), contains("instance_id", "feature_fingerprint"));
    assertThat(detector.neverScored(), contains("was_cached"));
    assertThat(detector.neverFlagged(), contains("was_aborted"));
    assertThat(detector.minimumTarget(), equalTo(1000.0));
    assertThat(detector.alertBudget(), equalTo(0.001));
    assertThat(
        detector.features().stream()
            .map(Feature::column)
            .filter(Objects::nonNull)
            .distinct()
            .toList(),
        contains(
            "query_type",
            "compile_duration_ms",
            "cluster_size",
            "num_permanent_tables_accessed",
            "num_external_tables_accessed",
            "num_system_tables_accessed",
            "num_joins",
            "num_scans",
            "num_aggregations",
            "read_table_ids",
            "write_table_ids"));
  }
}
