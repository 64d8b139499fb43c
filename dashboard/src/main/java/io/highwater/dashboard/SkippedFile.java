package io.highwater.dashboard;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A file that could not be read; it is tried again when it changes.
 *
 * @param path below the contract's directory
 */
public record SkippedFile(
    String path, long bytes, long modifiedMillis, String reason, Instant since) {

  Map<String, @Nullable Object> toJson() {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("path", SafeText.escape(path));
    json.put("bytes", bytes);
    json.put("reason", SafeText.shorten(SafeText.escape(reason), Rows.MAX_TEXT));
    json.put("since", since);
    return json;
  }
}
