package io.highwater.export;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeHour;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The script that loads an export into Redshift. What stands behind COPY also runs in PostgreSQL 15
 * and later. Redshift's MERGE has a table as its source and no alias for its target, both clauses,
 * and fails where two rows of the source have one key:
 * https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html.
 */
final class RedshiftScript {
  private static final String ROW_NUMBER = "\"highwater_row_number\"";

  private final Contract contract;
  private final String prefix;
  private final String iamRole;

  /**
   * @param iamRole may read the files; a placeholder where the user fills it in
   */
  RedshiftScript(Contract contract, String prefix, String iamRole) {
    this.contract = contract;
    this.prefix = prefix;
    this.iamRole = iamRole;
  }

  String text(List<ExportedTable> tables) {
    StringBuilder script = new StringBuilder();
    script.append(
        """
        -- Loads the export of %s into Amazon Redshift. Copy the folder to
        -- %s first, fill in the role, and run the whole script in one session.
        -- Running it again changes nothing; running that of a later export brings the tables to
        -- what the lake had then. Rows of hours that were not exported stay as they are.

        """
            .formatted(contract.id(), prefix));
    for (ExportedTable table : tables) {
      script.append(createTable(table.table()));
    }
    for (ExportedTable table : tables) {
      script.append(stage(table));
    }
    script.append("BEGIN;\n\n");
    for (ExportedTable table : tables) {
      script.append(merge(table));
    }
    return script.append("COMMIT;\n").toString();
  }

  private String createTable(ExportTable table) {
    return "CREATE TABLE IF NOT EXISTS %s (\n  %s\n);\n\n"
        .formatted(
            name(table),
            ExportColumn.of(table, contract).stream()
                .map(column -> SqlText.quoted(column.name()) + " " + column.redshiftType())
                .collect(Collectors.joining(",\n  ")));
  }

  private String stage(ExportedTable table) {
    String staged = staged(table.table());
    String create =
        "DROP TABLE IF EXISTS %1$s;\nCREATE TEMP TABLE %1$s (LIKE %2$s);\n"
            .formatted(staged, name(table.table()));
    if (table.hours().isEmpty()) {
      return create + "\n";
    }
    return create
        + "COPY %s\nFROM %s\nIAM_ROLE %s\nFORMAT AS PARQUET\nMANIFEST;\n\n"
            .formatted(
                staged,
                SqlText.literal(prefix + "/" + Manifest.name(table.table())),
                SqlText.literal(iamRole));
  }

  private String merge(ExportedTable exported) {
    ExportTable table = exported.table();
    List<String> names = ExportColumn.of(table, contract).stream().map(ExportColumn::name).toList();
    String columns = list(names, SqlText::quoted);
    StringBuilder sql = new StringBuilder();
    sql.append(
        """
        -- One row a key: the first of several.
        DROP TABLE IF EXISTS %1$s;
        CREATE TEMP TABLE %1$s AS
        SELECT%2$s
        FROM (
          SELECT *, row_number() OVER (PARTITION BY %3$s ORDER BY %4$s) AS %5$s
          FROM %6$s) AS numbered
        WHERE %5$s = 1;

        """
            .formatted(
                unique(table),
                columns,
                SqlText.quoted(table.key(contract)),
                String.join(", ", table.precedence(contract)),
                ROW_NUMBER,
                staged(table)));
    if (!exported.replaced().isEmpty()) {
      sql.append(
          """
          -- What the exported hours no longer have.
          DELETE FROM %s
          WHERE (%s)
          AND NOT EXISTS (
            SELECT 1
            FROM %s AS source
            WHERE %s);

          """
              .formatted(name(table), inReplacedHours(exported), unique(table), sameKey(table)));
    }
    sql.append(
        """
        MERGE INTO %s
        USING %s AS source
        ON %s
        WHEN MATCHED THEN UPDATE SET%s
        WHEN NOT MATCHED THEN INSERT (%s)
        VALUES (%s);

        """
            .formatted(
                name(table),
                unique(table),
                sameKey(table),
                list(names, name -> SqlText.quoted(name) + " = " + of("source", name)),
                columns,
                list(names, name -> of("source", name))));
    return sql.toString();
  }

  private String inReplacedHours(ExportedTable exported) {
    String time = SqlText.quoted(exported.table().timeColumn(contract));
    return exported.replaced().stream()
        .map(
            range ->
                "%s >= %s AND %s < %s"
                    .formatted(time, timestamp(range.first()), time, timestamp(range.last() + 1)))
        .collect(Collectors.joining(")\n  OR (", "(", ")"));
  }

  private String timestamp(long epochHour) {
    return "TIMESTAMP '%s'"
        .formatted(
            new LakeHour(contract.id(), ExportTable.EVENTS.folder(), epochHour)
                .start()
                .toString()
                .replace('T', ' ')
                .replace("Z", ""));
  }

  /** Null is in no key but that of a roll-up; such a row is deleted above and inserted anew. */
  private String sameKey(ExportTable table) {
    return table.key(contract).stream()
        .map(column -> of(name(table), column) + " = " + of("source", column))
        .collect(Collectors.joining(" AND "));
  }

  /** A line each. */
  private static String list(List<String> names, Function<String, String> form) {
    return names.stream().map(form).collect(Collectors.joining(",\n  ", "\n  ", ""));
  }

  private static String of(String table, String column) {
    return table + "." + SqlText.quoted(column);
  }

  private String name(ExportTable table) {
    return SqlText.quoted(plainName(table));
  }

  /** Named so that no table of the user's is dropped. */
  private String staged(ExportTable table) {
    return SqlText.quoted("highwater_staged_" + plainName(table));
  }

  private String unique(ExportTable table) {
    return SqlText.quoted("highwater_unique_" + plainName(table));
  }

  /** Such as warehouse_queries_events. */
  private String plainName(ExportTable table) {
    return contract.id().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_]", "_")
        + "_"
        + table.folder();
  }
}
