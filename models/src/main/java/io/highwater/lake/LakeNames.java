package io.highwater.lake;

import io.highwater.record.Sha256;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The names of the lake's files. They follow from the content, so that whoever writes the same rows
 * again, after a crash say, writes the same file again.
 */
public final class LakeNames {
  public static final String ARROW = "arrow";
  public static final String PARQUET = "parquet";

  /** What the names of markers match, among those of an hour's folder. */
  public static final String MARKERS = "_replaced-*.json";

  private static final int DIGEST_CHARACTERS = 16;
  private static final String DIGEST = "[0-9a-f]{" + DIGEST_CHARACTERS + "}";
  private static final String EXTENSION = "(?:" + ARROW + "|" + PARQUET + ")";
  private static final Pattern GENERATION = Pattern.compile("[A-Za-z0-9_]+");
  private static final Pattern OF_GENERATION =
      Pattern.compile("g-(" + GENERATION + ")-" + DIGEST + "\\." + EXTENSION);
  private static final Pattern MARKER = Pattern.compile("_replaced-(" + GENERATION + ")\\.json");

  private static final Pattern PATTERN_CHARACTER = Pattern.compile("[*?\\[\\]{}\\\\]");

  private LakeNames() {}

  /**
   * Whether a file system that lists by patterns would take this folder for one, and so find
   * nothing in it.
   */
  public static boolean readsLikeAPattern(String folder) {
    return PATTERN_CHARACTER.matcher(folder).find();
  }

  /**
   * The first 16 hexadecimal digits of the SHA-256 of the parts in their order, each with its
   * length before it, so that bytes that move from one part to the next change it.
   */
  public static String digest(List<byte[]> parts) {
    MessageDigest sha256 = Sha256.start();
    for (byte[] part : parts) {
      sha256.update(ByteBuffer.allocate(Integer.BYTES).putInt(part.length).flip());
      sha256.update(part);
    }
    return HexFormat.of().formatHex(sha256.digest()).substring(0, DIGEST_CHARACTERS);
  }

  /**
   * A file that counts as soon as it is there: TABLE-DIGEST.EXTENSION.
   *
   * @param digest of {@link #digest}
   * @param extension {@link #ARROW} or {@link #PARQUET}
   */
  public static String stream(String table, String digest, String extension) {
    LakeHour.checkName("table", table);
    String name = table + "-" + digest + "." + extension;
    check("name", name, LakeHour.NAME);
    if (generationOf(name) != null) {
      throw new IllegalArgumentException(
          "table is '" + table + "', expected a name that does not begin as a generation's");
    }
    return name;
  }

  /**
   * A file that counts once its generation's marker is there: g-GENERATION-DIGEST.EXTENSION.
   *
   * @param generation letters, digits and '_'
   * @param digest of {@link #digest}
   * @param extension {@link #ARROW} or {@link #PARQUET}
   */
  public static String generation(String generation, String digest, String extension) {
    String name = "g-" + generation + "-" + digest + "." + extension;
    check("name", name, OF_GENERATION);
    return name;
  }

  /** The generation that a file's name carries; null for any other name. */
  public static @Nullable String generationOf(String name) {
    Matcher matcher = OF_GENERATION.matcher(name);
    return matcher.matches() ? matcher.group(1) : null;
  }

  /** The file that publishes a generation: _replaced-GENERATION.json. */
  public static String marker(String generation) {
    return "_replaced-" + requireGeneration(generation) + ".json";
  }

  /**
   * Returns {@code generation} if it can be one's name.
   *
   * @throws IllegalArgumentException if not
   */
  public static String requireGeneration(String generation) {
    check("generation", generation, GENERATION);
    return generation;
  }

  /** Whether the name is of a file that publishes a generation. */
  public static boolean isMarker(String name) {
    return MARKER.matcher(name).matches();
  }

  /** Whether the name is of a file of rows; hidden and unfinished files' are not. */
  public static boolean isData(String name) {
    return !name.startsWith(".")
        && !name.startsWith("_")
        && (name.endsWith("." + ARROW) || name.endsWith("." + PARQUET));
  }

  private static void check(String parameter, String value, Pattern pattern) {
    if (!pattern.matcher(value).matches()) {
      throw new IllegalArgumentException(
          parameter + " is '" + value + "', expected to match " + pattern);
    }
  }
}
