package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import java.nio.charset.StandardCharsets;

/** A small contract, so that a test shows what matters and nothing assumes warehouse queries. */
final class TestContracts {
  private static final String JOBS =
      """
      apiVersion: v3.1.0
      kind: DataContract
      id: jobs
      version: 1.0.0
      status: active
      schema:
        - name: events
          logicalType: object
          properties:
            - name: cluster
              logicalType: string
              required: true
              primaryKey: true
              primaryKeyPosition: 1
            - name: job_id
              logicalType: integer
              required: true
              primaryKey: true
              primaryKeyPosition: 2
            - name: started_at
              logicalType: timestamp
              required: true
            - name: run_ms
              logicalType: integer
              required: true
              logicalTypeOptions: {minimum: 0, maximum: 86400000}
            - name: mb
              logicalType: number
          quality:
            - type: custom
              engine: highwater
              name: no_huge_scan_in_no_time
              description: a job that scans takes some time
              implementation: mb IS NULL OR mb < 1000 OR run_ms > 0
      customProperties:
        - property: eventTime
          value: started_at
        - property: outOfOrderBound
          value: PT10S
        - property: parameters
          value:
            - {name: slow_ms, value: 1000, source: a test}
        - property: derivedColumns
          value:
            - name: pace
              type: string
              sql: CASE WHEN run_ms > ${slow_ms} THEN 'slow' ELSE 'fast' END
        - property: rollUps
          value:
            windows: [PT10M, PT1H]
            keys: [cluster]
            measures:
              - {name: jobs, function: count}
              - {name: slow, function: count, where: {column: pace, equals: slow}}
              - {name: run_ms, function: sum, column: run_ms}
              - {name: mb, function: sum, column: mb}
      """;

  /** Goes on with the roll-ups of {@link #JOBS}. */
  private static final String SCORES =
      """
            scores:
              - {name: run_score, column: run_ms, per: jobs}
            derivedColumns:
              - {name: mean_ms, type: number, sql: run_ms / jobs}
              - {name: is_unusual, type: boolean, sql: run_score > 3 AND mean_ms > 1000}
      """;

  private static final String READINGS =
      """
      apiVersion: v3.1.0
      kind: DataContract
      id: readings
      version: 2.0.0
      status: active
      schema:
        - name: events
          logicalType: object
          properties:
            - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}
            - {name: at, logicalType: timestamp, required: true}
            - {name: level, logicalType: number}
            - {name: note, logicalType: string}
            - {name: ok, logicalType: boolean}
            - {name: seen, logicalType: timestamp}
      customProperties:
        - property: eventTime
          value: at
        - property: outOfOrderBound
          value: PT10S
        - property: derivedColumns
          value:
            - {name: is_high, type: boolean, sql: "coalesce(level > 10, false)"}
            - {name: half, type: number, sql: level / 2}
        - property: rollUps
          value:
            windows: [PT1H]
            keys: [id]
            measures:
              - {name: readings, function: count}
      """;

  private TestContracts() {}

  /** Jobs with a score, and a column derived from the row of the roll-up. */
  static Contract scoredJobs() {
    return parse("jobs.yaml", JOBS + SCORES);
  }

  /** A column of each type, none required but the key and the time. */
  static Contract readings() {
    return parse("readings.yaml", READINGS);
  }

  static Contract jobs() {
    return parse("jobs.yaml", JOBS);
  }

  private static Contract parse(String name, String yaml) {
    try {
      return ContractLoader.parse(name, yaml);
    } catch (InvalidContractException e) {
      throw new AssertionError(e);
    }
  }

  static byte[] job(String cluster, long id, String startedAt, long runMillis, String megabytes) {
    return String.format(
            "{\"cluster\":\"%s\",\"job_id\":%d,\"started_at\":\"%s\",\"run_ms\":%d,\"mb\":%s}",
            cluster, id, startedAt, runMillis, megabytes)
        .getBytes(StandardCharsets.UTF_8);
  }
}
