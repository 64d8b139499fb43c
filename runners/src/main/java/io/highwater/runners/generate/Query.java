package io.highwater.runners.generate;

import org.jspecify.annotations.Nullable;

/**
 * One synthetic query. Times are in milliseconds, sizes in megabytes; a null is a field that the
 * query log leaves empty.
 *
 * @param arrivalMicros since the epoch, UTC
 * @param injection what was done to it on purpose, for a detector to find; null for most
 * @param defect what is wrong with the message that carries it
 */
public record Query(
    int instanceId,
    @Nullable Integer clusterSize,
    int userId,
    int databaseId,
    long queryId,
    long arrivalMicros,
    @Nullable Long compileMillis,
    long queueMillis,
    long executionMillis,
    @Nullable String fingerprint,
    boolean aborted,
    boolean cached,
    @Nullable Long cacheSourceQueryId,
    QueryType type,
    @Nullable Integer permanentTables,
    @Nullable Integer externalTables,
    @Nullable Integer systemTables,
    @Nullable String readTableIds,
    @Nullable String writeTableIds,
    @Nullable Long scannedMegabytes,
    @Nullable Long spilledMegabytes,
    int joins,
    int scans,
    int aggregations,
    @Nullable Injection injection,
    Defect defect) {

  /** Whether its execution time was drawn out on purpose. */
  public boolean slowedDown() {
    return injection != null && injection.kind() == Injection.Kind.SLOW_DOWN;
  }

  /** What is wrong with a message. */
  public enum Defect {
    NONE,
    /** The JSON breaks off. */
    MALFORMED,
    /** A text where a number is expected. */
    WRONG_TYPE,
    /** No query type, which is required. */
    MISSING_FIELD,
    /** A negative execution time. */
    OUT_OF_RANGE
  }

  /** The same query, asked at another time. */
  public Query withArrivalMicros(long arrivalMicros) {
    return new Query(
        instanceId,
        clusterSize,
        userId,
        databaseId,
        queryId,
        arrivalMicros,
        compileMillis,
        queueMillis,
        executionMillis,
        fingerprint,
        aborted,
        cached,
        cacheSourceQueryId,
        type,
        permanentTables,
        externalTables,
        systemTables,
        readTableIds,
        writeTableIds,
        scannedMegabytes,
        spilledMegabytes,
        joins,
        scans,
        aggregations,
        injection,
        defect);
  }
}
