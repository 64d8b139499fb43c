package io.highwater.runners.generate;

/**
 * The kinds of queries that a warehouse runs, with their share of those that it does not answer
 * from its cache, how long they take, what they read and how their plans look. The numbers are
 * fitted to rows of the Redset query log and to its published shares; docs/generator.md holds the
 * comparison.
 */
enum QueryKind {
  INSERT_VALUES(QueryType.INSERT, 0.296, new Time(30, 1.05, 0.30), new Data(0.99, 1.3, 0.19)),
  INSERT_SELECT(QueryType.INSERT, 0.116, new Time(200, 1.95, 0.50), new Data(0.98, 0.09, 1.25)),
  INSERT_COMPLEX(QueryType.INSERT, 0.005, new Time(5_000, 1.40, 0.85), new Data(0.98, 1.2, 1.1)),
  SELECT_SYSTEM(QueryType.SELECT, 0.164, new Time(6_400, 0.28, 1.00), Data.NONE),
  SELECT_TABLES(QueryType.SELECT, 0.118, new Time(3_000, 1.95, 0.15), new Data(0.98, 0.7, 1.05)),
  SELECT_COMPLEX(QueryType.SELECT, 0.008, new Time(10_000, 1.40, 0.60), new Data(0.98, 2.5, 1)),
  SELECT_EXTERNAL(QueryType.SELECT, 0.010, new Time(1_750, 1.00, 0.10), new Data(0.11, 100, 0.55)),
  COPY(QueryType.COPY, 0.0745, new Time(320, 0.80, 0.98), new Data(0.22, 1.0, 0.83)),
  COPY_EXTERNAL(QueryType.COPY, 0.0205, new Time(2_500, 1.00, 0.68), Data.NONE),
  DELETE(QueryType.DELETE, 0.096, new Time(60, 1.90, 0.35), new Data(0.99, 0.075, 1.4)),
  ANALYZE(QueryType.ANALYZE, 0.0375, new Time(55, 1.80, 0.30), new Data(0.96, 0.25, 1.10)),
  OTHER(QueryType.OTHER, 0.030, new Time(10, 1.10, 0.20), new Data(0.38, 1.7, 0.55)),
  CTAS(QueryType.CTAS, 0.015, new Time(2_000, 1.80, 0.85), new Data(0.85, 1.6, 0.88)),
  CTAS_COMPLEX(QueryType.CTAS, 0.005, new Time(10_000, 1.40, 0.85), new Data(0.98, 3.0, 0.9)),
  UNLOAD(QueryType.UNLOAD, 0.0040, new Time(460, 0.60, 0.18), new Data(1, 2.3, 0.72)),
  UPDATE(QueryType.UPDATE, 0.0024, new Time(2_500, 1.80, 0.90), new Data(1, 2.0, 0.83)),
  VACUUM(QueryType.VACUUM, 0.0011, new Time(200_000, 0.25, 1.00), Data.NONE);

  /**
   * Execution times.
   *
   * @param medianMillis over all fingerprints of the kind
   * @param spread the shape of the log-logistic distribution of the fingerprints' medians: nine
   *     tenths are below 9 to this power times the median
   * @param compileBoundShare of the fingerprints, whose time is mostly compilation
   */
  record Time(double medianMillis, double spread, double compileBoundShare) {}

  /**
   * Data scanned.
   *
   * @param share of the fingerprints that scan any
   * @param millisPerMegabyte median of execution time over megabytes scanned
   * @param spread the shape of its log-logistic distribution below the median; above it is wider
   */
  record Data(double share, double millisPerMegabyte, double spread) {
    static final Data NONE = new Data(0, 1, 0);
  }

  private final QueryType type;
  private final double share;
  private final Time time;
  private final Data data;

  QueryKind(QueryType type, double share, Time time, Data data) {
    this.type = type;
    this.share = share;
    this.time = time;
    this.data = data;
  }

  QueryType type() {
    return type;
  }

  double share() {
    return share;
  }

  Time time() {
    return time;
  }

  Data data() {
    return data;
  }

  boolean isComplex() {
    return this == INSERT_COMPLEX || this == SELECT_COMPLEX || this == CTAS_COMPLEX;
  }

  boolean readsTables() {
    return switch (this) {
      case INSERT_SELECT,
          INSERT_COMPLEX,
          SELECT_TABLES,
          SELECT_COMPLEX,
          DELETE,
          ANALYZE,
          CTAS,
          CTAS_COMPLEX,
          UNLOAD,
          UPDATE ->
          true;
      case INSERT_VALUES, SELECT_SYSTEM, SELECT_EXTERNAL, COPY, COPY_EXTERNAL, OTHER, VACUUM ->
          false;
    };
  }

  boolean readsExternalTables() {
    return this == SELECT_EXTERNAL || this == COPY_EXTERNAL;
  }

  boolean writesTables() {
    return switch (type) {
      case INSERT, UPDATE, DELETE, COPY, CTAS, VACUUM -> true;
      case SELECT, UNLOAD, ANALYZE, OTHER -> false;
    };
  }
}
