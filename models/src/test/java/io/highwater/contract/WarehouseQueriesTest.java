package io.highwater.contract;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class WarehouseQueriesTest {
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
    assertThat(contract.rollUp().windows(), contains(Duration.ofMinutes(10), Duration.ofHours(1)));
  }
}
