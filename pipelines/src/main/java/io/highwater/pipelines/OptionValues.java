package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import io.highwater.detect.Policy;
import io.highwater.detect.Scoring;
import io.highwater.lake.LakeNames;
import io.highwater.record.Compression;
import io.highwater.transforms.InputFile;
import io.highwater.transforms.ReadKafka;
import io.highwater.transforms.ScoringSettings;
import java.io.IOException;
import java.io.Reader;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The texts of options as typed values; a text that is none is a {@link UsageException}. */
public final class OptionValues {
  private static final int MIN_MEBIBYTES = 768;
  private static final Pattern SIZE = Pattern.compile("([1-9][0-9]{0,5})([gGmM])");
  private static final Pattern DURATION = Pattern.compile("(\\d{1,9})(ms|s|m|h|d)");

  private OptionValues() {}

  /** A value that must be there. */
  public static String required(String option, @Nullable String text) {
    if (text == null || text.isBlank()) {
      throw new UsageException("--" + option + " is missing; see --help");
    }
    return text;
  }

  /** The lake's folder, on any file system; as a path it must not read like a pattern of files. */
  static String lake(String option, @Nullable String text) {
    String lake = required(option, text);
    if (LakeNames.readsLikeAPattern(lake)) {
      throw UsageException.option(
          option, lake, "a folder without any of * ? [ ] { } \\ in its path");
    }
    return lake;
  }

  /** A duration such as 250ms, 5s, 10m, 1h or 7d. */
  public static Duration duration(String option, String text) {
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      throw UsageException.option(
          option, text, "a number and a unit of ms, s, m, h or d, such as 10m");
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      default -> Duration.ofDays(number);
    };
  }

  /** A duration of more than zero. */
  public static Duration positiveDuration(String option, String text) {
    Duration duration = duration(option, text);
    if (duration.isZero()) {
      throw UsageException.option(option, text, "more than zero");
    }
    return duration;
  }

  /** A moment such as 2024-03-01T00:00:00Z. */
  public static Instant time(String option, String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw UsageException.option(option, text, "a time in UTC such as 2024-03-01T00:00:00Z");
    }
  }

  public static Compression compression(String option, String text) {
    try {
      return Compression.valueOf(text.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw UsageException.option(option, text, "zstd, lz4 or none");
    }
  }

  /**
   * How rows are scored.
   *
   * @throws UsageException also where a registry is given and the contract has no detector
   */
  static ScoringSettings scoring(HighwaterOptions options, Contract contract) {
    String registry = options.getRegistry();
    if (registry != null) {
      if (contract.detector() == null) {
        throw UsageException.option(
            "registry", registry, "a contract with a detector; " + contract.id() + " has none");
      }
      if (Files.exists(Path.of(registry)) && !Files.isDirectory(Path.of(registry))) {
        throw UsageException.option("registry", registry, "a folder");
      }
      registry = Path.of(registry).toAbsolutePath().toString();
    }
    return new ScoringSettings(
        registry,
        choice("score", options.getScore(), Scoring.Rows.class),
        choice("policy", options.getPolicy(), Policy.Name.class));
  }

  /** An address of the web. */
  static URI address(String option, String text) {
    try {
      URI address = new URI(text);
      if (address.getHost() != null
          && ("http".equals(address.getScheme()) || "https".equals(address.getScheme()))) {
        return address;
      }
    } catch (URISyntaxException e) {
      // Told below.
    }
    throw UsageException.option(option, text, "an address such as https://example.org/alerts");
  }

  /** One of some words. */
  private static <T extends Enum<T>> T choice(String option, String text, Class<T> choices) {
    List<String> words = new ArrayList<>();
    for (T choice : choices.getEnumConstants()) {
      String word = choice.name().toLowerCase(Locale.ROOT);
      if (word.equals(text)) {
        return choice;
      }
      words.add(word);
    }
    throw UsageException.option(option, text, String.join(" or ", words));
  }

  static ReadKafka.Source kafkaSource(String option, String text) {
    try {
      return ReadKafka.Source.valueOf(text.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw UsageException.option(option, text, "polls or kafkaio");
    }
  }

  /** A built-in contract by name, or one in a file. */
  public static Contract contract(String option, String nameOrFile) {
    try {
      return ContractLoader.load(nameOrFile);
    } catch (InvalidContractException e) {
      throw new UsageException(
          "--" + option + "=" + nameOrFile + " cannot be used:\n" + e.getMessage());
    }
  }

  /**
   * Globs separated by commas, each of which matches a file that can be read.
   *
   * <p>A local file is looked for before Beam does: asked for one whose folder is missing too, Beam
   * walks through everything below the nearest folder that exists.
   */
  static List<InputFile> files(String option, String text) {
    List<String> globs = List.of(text.split(",", -1));
    for (String glob : globs) {
      if (glob.isBlank()) {
        throw UsageException.option(
            option, text, "files or patterns, with one between any two commas");
      }
      if (!glob.contains("://") && !Files.exists(literalPart(glob))) {
        throw UsageException.option(
            option, glob, "a file; there is no " + literalPart(glob) + " here");
      }
    }
    try {
      return InputFile.match(globs);
    } catch (IOException | IllegalArgumentException e) {
      throw UsageException.option(
          option, text, "files that are there and can be read (" + e.getMessage() + ")");
    }
  }

  /** A size such as 512m or 2g, in mebibytes. */
  static int mebibytes(String option, String text) {
    Matcher matcher = SIZE.matcher(text);
    int mebibytes =
        matcher.matches()
            ? Integer.parseInt(matcher.group(1))
                * (matcher.group(2).equalsIgnoreCase("g") ? 1_024 : 1)
            : 0;
    if (mebibytes < MIN_MEBIBYTES) {
      throw UsageException.option(
          option, text, "a size of at least " + MIN_MEBIBYTES + "m, such as 1536m or 2g");
    }
    return mebibytes;
  }

  /** A whole number within bounds. */
  static int wholeNumber(String option, String text, int least, int greatest) {
    try {
      int number = Integer.parseInt(text);
      if (number >= least && number <= greatest) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Falls through to the one message.
    }
    throw UsageException.option(
        option, text, "a whole number from %d to %d".formatted(least, greatest));
  }

  /** A share between 0 and 1, without either. */
  static double share(String option, String text) {
    try {
      double share = Double.parseDouble(text);
      if (share > 0 && share < 1) {
        return share;
      }
    } catch (NumberFormatException e) {
      // Falls through to the one message.
    }
    throw UsageException.option(option, text, "a share above 0 and below 1, such as 0.001");
  }

  /** Whether to skip rather than to fail. */
  static boolean failOrSkip(String option, String text) {
    if (!text.equals("fail") && !text.equals("skip")) {
      throw UsageException.option(option, text, "fail or skip");
    }
    return text.equals("skip");
  }

  /** The file, or the folder before the first wildcard. */
  private static Path literalPart(String glob) {
    String literal = glob.split("[*?\\[{]", 2)[0];
    return literal.equals(glob)
        ? Path.of(glob).toAbsolutePath()
        : Path.of(literal.substring(0, literal.lastIndexOf('/') + 1)).toAbsolutePath();
  }

  /** The settings of a Java properties file. */
  public static Map<String, Object> properties(String option, @Nullable String file) {
    Map<String, Object> settings = new HashMap<>();
    if (file == null) {
      return settings;
    }
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of(file), StandardCharsets.UTF_8)) {
      properties.load(reader);
    } catch (IOException | IllegalArgumentException e) {
      // The latter is of a backslash and u that no four digits follow.
      throw UsageException.option(
          option, file, "a readable properties file (" + e.getMessage() + ")");
    }
    properties.stringPropertyNames().forEach(key -> settings.put(key, properties.getProperty(key)));
    return settings;
  }
}
