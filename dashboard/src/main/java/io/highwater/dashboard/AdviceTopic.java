package io.highwater.dashboard;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A problem that a warehouse may have, and what to check and do about it in Amazon Redshift. Its
 * size is a part of a whole, both SQL over sums of the roll-ups' measures by instance.
 *
 * @param part SQL, of the unit
 * @param whole SQL, of the unit
 * @param limits from where on it is a problem
 * @param best the confidence where it is above both limits; it is one step lower where it is above
 *     one
 * @param caveat what the numbers do not say
 * @param finding a sentence with places for part, whole, share, the instance with the largest part
 *     and that part
 * @param extra a further number; null where there is none
 */
record AdviceTopic(
    String type,
    String title,
    String part,
    String whole,
    String unit,
    Limits limits,
    Confidence best,
    String caveat,
    String finding,
    @Nullable Extra extra,
    List<String> checks,
    List<String> actions) {

  /** How sure it is that doing something about it helps. */
  enum Confidence {
    LOW,
    MEDIUM,
    HIGH
  }

  /**
   * From where on a topic is a problem.
   *
   * @param both whether it takes both
   */
  record Limits(double part, double share, boolean both) {}

  /**
   * A further number of a finding.
   *
   * @param sql over all instances
   * @param sentence with a place for the number
   */
  record Extra(String name, String unit, String sql, String sentence) {}

  /** What the part is called among the numbers. */
  String partName() {
    return "affected_" + unit;
  }

  /** What the whole is called among the numbers. */
  String wholeName() {
    return "all_" + unit;
  }

  /** The limits of the reference: a class is critical above 50 queries or 5 % of all. */
  private static final Limits CRITICAL = new Limits(50, 0.05, false);

  /** In the order of the classes, then of the analyses. */
  static final List<AdviceTopic> ALL =
      List.of(
          new AdviceTopic(
              "cpu_bound",
              "Joins and aggregations that compute for long",
              "cpu_bound",
              "queries",
              "queries",
              CRITICAL,
              Confidence.MEDIUM,
              "the class is inferred from a long time per megabyte read and from joins and"
                  + " aggregations, CPU time itself is not in the log",
              "%s of %s (%s) took more than 20 ms for each megabyte that they read, with"
                  + " several joins or aggregations; most of them are on instance %s: %s.",
              null,
              List.of(
                  "EXPLAIN the fingerprints that lead Top queries by time: look for nested loops,"
                      + " DS_BCAST_INNER and DS_DIST_BOTH.",
                  "STL_ALERT_EVENT_LOG for the same queries: nested loop joins, large"
                      + " distributions, missing statistics.",
                  "SVL_QUERY_METRICS_SUMMARY: query_cpu_time and cpu_skew; a high skew means that"
                      + " some slices do most of the work."),
              List.of(
                  "Distribute tables that are joined often by the join column (DISTKEY), small"
                      + " dimensions to all nodes (DISTSTYLE ALL).",
                  "Run ANALYZE where SVV_TABLE_INFO.stats_off is above 10.",
                  "Keep repeated aggregations in a materialized view.",
                  "Only then think of more or larger nodes: a bad plan fills those as well.")),
          new AdviceTopic(
              "io_bound",
              "Scans of much data",
              "io_bound",
              "queries",
              "queries",
              CRITICAL,
              Confidence.MEDIUM,
              "the class is inferred from the volume and the speed of the scan, disk waits"
                  + " themselves are not in the log",
              "%s of %s (%s) read 2 GB or more at the speed of the disks; most of them are"
                  + " on instance %s: %s.",
              new AdviceTopic.Extra(
                  "scanned_mb", "MB", "sum(scanned_mb)", "All queries together read %s."),
              List.of(
                  "SVV_TABLE_INFO of the tables read most (Top queries, tables): sortkey1,"
                      + " unsorted, encoded, size.",
                  "SYS_QUERY_DETAIL: blocks_read by step, and is_rrscan, which says whether the"
                      + " sort key kept blocks from being read.",
                  "Whether the queries name the columns they need: SELECT * reads all of them."),
              List.of(
                  "Choose as sort key the column that most queries filter by, often a date.",
                  "VACUUM tables of which much is unsorted, at a quiet hour.",
                  "Let ANALYZE COMPRESSION suggest encodings for uncompressed columns.",
                  "Partition external tables by what is filtered, and keep them in a columnar"
                      + " format.")),
          new AdviceTopic(
              "network_bound",
              "Loads and unloads that take long",
              "network_bound",
              "queries",
              "queries",
              CRITICAL,
              Confidence.MEDIUM,
              "that COPY and UNLOAD took long is measured, that they waited for the network is not:"
                  + " parsing, sorting and commits are in the same time",
              "%s of %s (%s) are COPY or UNLOAD that ran for more than 0.5 s; most of them"
                  + " are on instance %s: %s.",
              null,
              List.of(
                  "SYS_LOAD_HISTORY and SYS_LOAD_DETAIL: how many files a COPY reads and how large"
                      + " they are.",
                  "Whether the bucket is in the cluster's region.",
                  "How often the same table is loaded: many small COPYs cost a commit each."),
              List.of(
                  "Load many files of 1 MB to 1 GB compressed, as many as a multiple of the slices,"
                      + " in one COPY.",
                  "Batch small loads, or use streaming ingestion.",
                  "UNLOAD to Parquet, and only what has changed.",
                  "Move loads away from the hours in which people wait.")),
          new AdviceTopic(
              "queue_wlm_bound",
              "Queries that wait for a slot",
              "queue_wlm_bound",
              "queries",
              "queries",
              CRITICAL,
              Confidence.HIGH,
              "the time in the queue is measured; which queries held the slots meanwhile is not in"
                  + " the log",
              "%s of %s (%s) waited for more than a second and at least as long as they"
                  + " ran; most of them are on instance %s: %s.",
              new AdviceTopic.Extra(
                  "queue_ms", "ms", "sum(queue_ms)", "All queries together waited for %s."),
              List.of(
                  "SYS_QUERY_HISTORY (queue_time) or STL_WLM_QUERY (total_queue_time,"
                      + " service_class): which queue it is.",
                  "What ran while they waited: Outliers and Top queries of the same hours.",
                  "Utilization by instance: waiting at low utilization means too few slots or a"
                      + " long query in the way, not too small a cluster."),
              List.of(
                  "Use automatic WLM with priorities, or give loads and reports queues of their"
                      + " own.",
                  "Switch on short query acceleration and concurrency scaling for the queue.",
                  "Add a query monitoring rule that moves or ends queries beyond a run time.",
                  "Spread scheduled jobs that begin at the same minute.")),
          new AdviceTopic(
              "spill",
              "Queries that spill to disk",
              "spilled_queries",
              "queries",
              "queries",
              CRITICAL,
              Confidence.HIGH,
              "what was spilled is measured; how much time it cost is not",
              "%s of %s (%s) wrote intermediate results to disk; most of them are on"
                  + " instance %s: %s.",
              new AdviceTopic.Extra(
                  "spilled_mb", "MB", "sum(spilled_mb)", "Together they wrote %s."),
              List.of(
                  "SVL_QUERY_SUMMARY: steps with is_diskbased = 't' and their workmem; on"
                      + " serverless SYS_QUERY_DETAIL, spilled_block_local_disk.",
                  "SVV_TABLE_INFO.stats_off: with stale statistics memory is planned too small.",
                  "Top queries by spill: a few fingerprints are often most of it."),
              List.of(
                  "Give those queries more memory: fewer slots in their queue, or SET"
                      + " wlm_query_slot_count for one job.",
                  "Run ANALYZE on the tables they read.",
                  "Filter and aggregate before joining, and drop columns that are not needed.",
                  "Declare no columns wider than their values: memory is planned by the declared"
                      + " width.")),
          new AdviceTopic(
              "compile",
              "Much of the time goes into compiling",
              "compile_ms",
              "execution_ms",
              "ms",
              new Limits(60_000, 0.3, true),
              Confidence.MEDIUM,
              "compile time is measured; of short queries it is most of the time anywhere, and only"
                  + " the first run of a shape can be avoided",
              "%s of %s of execution time (%s) were spent compiling; the most on instance %s: %s.",
              null,
              List.of(
                  "SYS_QUERY_HISTORY.compile_time, or SVL_COMPILE where compile = 1, by query"
                      + " text.",
                  "Whether a tool writes a new query text each time: new fingerprints beside few"
                      + " repeated ones.",
                  "The dates: after an upgrade of the warehouse everything is compiled anew."),
              List.of(
                  "Use prepared statements and stable query texts.",
                  "Split queries with very many joins, or keep their core in a materialized view.",
                  "Run the important reports once after an upgrade, before people do.")),
          new AdviceTopic(
              "cache",
              "Hardly a query is answered from the result cache",
              "queries - cached",
              "queries",
              "queries",
              new Limits(1_000, 0.95, true),
              Confidence.LOW,
              "how many of the queries could have been answered from the cache is not in the log;"
                  + " across Redshift's fleet about 11 % of queries on provisioned clusters are, and"
                  + " 5 % on serverless (Redset)",
              "%s of %s (%s) were not answered from the result cache; the most on instance"
                  + " %s: %s.",
              null,
              List.of(
                  "SHOW enable_result_cache_for_session in the sessions of the tools.",
                  "Top queries by count: do the same texts come again while their tables stay as"
                      + " they are?",
                  "Functions such as GETDATE() and RANDOM() in those texts: they keep results from"
                      + " being cached."),
              List.of(
                  "Make dashboards send the same text each time, with dates rounded to the day.",
                  "Load in batches: each load of a table ends the cached results that read it.",
                  "Use materialized views where tables change all the time.")));
}
