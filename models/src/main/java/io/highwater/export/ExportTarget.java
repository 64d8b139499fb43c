package io.highwater.export;

/** For whom an export is. */
public enum ExportTarget {
  /** Only roll-ups that count, texts as long as a column may hold, manifests and a load script. */
  REDSHIFT("load.sql"),
  /** All rows as they are in the lake, and views over them. */
  DUCKDB("views.sql");

  private final String script;

  ExportTarget(String script) {
    this.script = script;
  }

  /** The name of the script that comes with the files. */
  public String script() {
    return script;
  }
}
