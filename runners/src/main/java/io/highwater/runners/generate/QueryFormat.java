package io.highwater.runners.generate;

import io.highwater.runners.generate.Query.Defect;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes queries as JSON lines or CSV, in the styles of the real query log: 0 and 1 for booleans,
 * 36.0 for counts, microseconds without a zone. Reuses one buffer, so it is not thread-safe.
 */
public final class QueryFormat {
  /** The fields of a query, in the order of the query log. */
  public static final List<String> COLUMNS =
      List.of(
          "instance_id",
          "cluster_size",
          "user_id",
          "database_id",
          "query_id",
          "arrival_timestamp",
          "compile_duration_ms",
          "queue_duration_ms",
          "execution_duration_ms",
          "feature_fingerprint",
          "was_aborted",
          "was_cached",
          "cache_source_query_id",
          "query_type",
          "num_permanent_tables_accessed",
          "num_external_tables_accessed",
          "num_system_tables_accessed",
          "read_table_ids",
          "write_table_ids",
          "mbytes_scanned",
          "mbytes_spilled",
          "num_joins",
          "num_scans",
          "num_aggregations");

  private static final long MICROS_PER_DAY = 86_400_000_000L;

  private final boolean json;
  private byte[] buffer = new byte[1024];
  private int length;
  private int column;
  private long dayOfPrefix = Long.MIN_VALUE;
  private String dayPrefix = "";

  private QueryFormat(boolean json) {
    this.json = json;
  }

  public static QueryFormat json() {
    return new QueryFormat(true);
  }

  /** Defects have no form in CSV: its rows are all whole. */
  public static QueryFormat csv() {
    return new QueryFormat(false);
  }

  /** The first line of a CSV file, without the line's end. */
  public static String csvHeader() {
    return String.join(",", COLUMNS);
  }

  /** One query without a line's end; {@link #buffer} holds it until the next call. */
  public int write(Query query) {
    Defect defect = json ? query.defect() : Defect.NONE;
    length = 0;
    column = 0;
    if (json) {
      put('{');
    }
    whole(query.instanceId());
    whole(query.clusterSize());
    whole(query.userId());
    whole(query.databaseId());
    whole(query.queryId());
    timestamp(query.arrivalMicros());
    decimal(query.compileMillis());
    whole(query.queueMillis());
    execution(query, defect);
    text(query.fingerprint());
    whole(query.aborted() ? 1L : 0L);
    whole(query.cached() ? 1L : 0L);
    whole(query.cacheSourceQueryId());
    int typeStart = length;
    if (defect == Defect.MISSING_FIELD) {
      column++;
    } else {
      text(query.type().text());
    }
    decimal(query.permanentTables());
    decimal(query.externalTables());
    decimal(query.systemTables());
    list(query.readTableIds());
    list(query.writeTableIds());
    decimal(query.scannedMegabytes());
    decimal(query.spilledMegabytes());
    whole(query.joins());
    whole(query.scans());
    whole(query.aggregations());
    if (json) {
      put('}');
    }
    if (defect == Defect.MALFORMED) {
      length = typeStart;
    }
    return length;
  }

  /** Holds the bytes that {@link #write} counted, from 0. */
  public byte[] buffer() {
    return buffer;
  }

  /** A copy of one query's bytes. */
  public byte[] toBytes(Query query) {
    int size = write(query);
    return Arrays.copyOf(buffer, size);
  }

  private void execution(Query query, Defect defect) {
    switch (defect) {
      case WRONG_TYPE -> text("fast");
      case OUT_OF_RANGE -> whole(-1L);
      case NONE, MALFORMED, MISSING_FIELD -> whole(query.executionMillis());
    }
  }

  private void whole(@Nullable Number value) {
    begin();
    if (value == null) {
      none();
    } else {
      digits(value.longValue());
    }
  }

  private void decimal(@Nullable Number value) {
    begin();
    if (value == null) {
      none();
    } else {
      digits(value.longValue());
      put('.');
      put('0');
    }
  }

  private void text(@Nullable String value) {
    quoted(value, json);
  }

  /** Lists of ids are quoted in CSV where they hold a comma. */
  private void list(@Nullable String value) {
    quoted(value, json || (value != null && value.indexOf(',') >= 0));
  }

  private void quoted(@Nullable String value, boolean quotes) {
    begin();
    if (value == null) {
      none();
      return;
    }
    if (quotes) {
      put('"');
    }
    ascii(value);
    if (quotes) {
      put('"');
    }
  }

  private void timestamp(long micros) {
    begin();
    long day = Math.floorDiv(micros, MICROS_PER_DAY);
    if (day != dayOfPrefix) {
      dayOfPrefix = day;
      dayPrefix = LocalDate.ofEpochDay(day) + (json ? "T" : " ");
    }
    long inDay = micros - day * MICROS_PER_DAY;
    long seconds = inDay / 1_000_000;
    if (json) {
      put('"');
    }
    ascii(dayPrefix);
    padded(seconds / 3_600, 2);
    put(':');
    padded(seconds / 60 % 60, 2);
    put(':');
    padded(seconds % 60, 2);
    put('.');
    padded(inDay % 1_000_000, 6);
    if (json) {
      put('"');
    }
  }

  /** The comma before a column, and its name where the format names it. */
  private void begin() {
    if (column > 0) {
      put(',');
      if (json) {
        put(' ');
      }
    }
    if (json) {
      put('"');
      ascii(COLUMNS.get(column));
      put('"');
      put(':');
      put(' ');
    }
    column++;
  }

  private void none() {
    if (json) {
      ascii("null");
    }
  }

  private void digits(long value) {
    if (value < 0) {
      put('-');
    }
    long rest = Math.abs(value);
    int count = 1;
    for (long power = 10; count < 19 && rest >= power; power *= 10) {
      count++;
    }
    padded(rest, count);
  }

  private void padded(long value, int digits) {
    ensure(digits);
    long rest = value;
    for (int position = length + digits - 1; position >= length; position--) {
      buffer[position] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
    length += digits;
  }

  @SuppressWarnings("deprecation") // The one call that copies ASCII without a charset's checks.
  private void ascii(String text) {
    ensure(text.length());
    text.getBytes(0, text.length(), buffer, length);
    length += text.length();
  }

  private void put(char ascii) {
    ensure(1);
    buffer[length++] = (byte) ascii;
  }

  private void ensure(int more) {
    if (length + more > buffer.length) {
      buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, length + more));
    }
  }
}
