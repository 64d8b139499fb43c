package io.highwater.dashboard;

import io.highwater.dashboard.StoreWriter.FoundFile;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A file that could not be read; it is tried again when it changes.
 *
 * @param path below the contract's directory
 */
public record SkippedFile(
    String path, long bytes, long modifiedMillis, String reason, Instant since) {

  /** Left out of what is told of a file: it is for people who do not read Java. */
  private static final Pattern EXCEPTION_NAMES =
      Pattern.compile("(?:[a-z][a-z0-9]*\\.)+[A-Z][A-Za-z0-9$]*: ");

  static SkippedFile of(FoundFile file, Exception e, Instant since) {
    String reason = EXCEPTION_NAMES.matcher(StoreFile.firstLine(e)).replaceAll("");
    return new SkippedFile(file.path(), file.bytes(), file.modifiedMillis(), reason, since);
  }

  /** Whether the file is as it was when it could not be read. */
  boolean isOf(FoundFile file) {
    return bytes == file.bytes() && modifiedMillis == file.modifiedMillis();
  }

  Map<String, @Nullable Object> toJson() {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("path", SafeText.escape(path));
    json.put("bytes", bytes);
    json.put("reason", SafeText.shorten(SafeText.escape(reason), Rows.MAX_TEXT));
    json.put("since", since);
    return json;
  }
}
