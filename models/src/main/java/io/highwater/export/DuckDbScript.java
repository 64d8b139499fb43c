package io.highwater.export;

import io.highwater.contract.Contract;
import java.util.List;
import java.util.stream.Collectors;

/** The views over an export that anyone's DuckDB can read in. */
final class DuckDbScript {
  private final Contract contract;
  private final String prefix;

  DuckDbScript(Contract contract, String prefix) {
    this.contract = contract;
    this.prefix = prefix;
  }

  String text(List<ExportedTable> tables) {
    StringBuilder script = new StringBuilder();
    script.append(
        """
        -- Views over the export of %s. In DuckDB: .read 'views.sql'

        """
            .formatted(contract.id()));
    for (ExportedTable table : tables) {
      script.append(view(table));
    }
    return script.toString();
  }

  private String view(ExportedTable exported) {
    ExportTable table = exported.table();
    String view =
        "CREATE OR REPLACE VIEW %s AS\n%s;\n\n"
            .formatted(table.folder(), exported.hours().isEmpty() ? noRows(table) : rows(table));
    if (table != ExportTable.ROLLUPS) {
      return view;
    }
    return view
        + "-- Each window once: as its last run said of it last.\nCREATE OR REPLACE VIEW rollups_latest AS\nSELECT *\nFROM rollups\nQUALIFY %s;\n\n"
            .formatted(HourWriter.isFirst(table, contract));
  }

  /** Without columns of the folders' names, which rows of the lake do not have. */
  private String rows(ExportTable table) {
    return "SELECT *\nFROM read_parquet(%s, hive_partitioning = false)"
        .formatted(SqlText.literal(prefix + "/" + table.folder() + "/*/*/*.parquet"));
  }

  /** A pattern that no file matches would be an error. */
  private String noRows(ExportTable table) {
    return ExportColumn.of(table, contract).stream()
        .map(
            column ->
                "CAST(NULL AS %s) AS %s"
                    .formatted(column.duckDbType(), SqlText.quoted(column.name())))
        .collect(Collectors.joining(", ", "SELECT ", "\nWHERE false"));
  }
}
