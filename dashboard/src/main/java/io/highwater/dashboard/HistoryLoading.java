package io.highwater.dashboard;

import java.util.LinkedHashMap;
import java.util.Map;

/** An answer that is not there yet: what it needs is being loaded from the lake. */
final class HistoryLoading extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int filesLoaded;
  private final int filesTotal;

  /**
   * How far it is.
   *
   * @param filesTotal 0 before it is known
   */
  HistoryLoading(int filesLoaded, int filesTotal) {
    super(filesLoaded + " of " + filesTotal + " files are loaded");
    this.filesLoaded = filesLoaded;
    this.filesTotal = filesTotal;
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("state", "loading");
    json.put("files_loaded", filesLoaded);
    json.put("files_total", filesTotal);
    return json;
  }
}
