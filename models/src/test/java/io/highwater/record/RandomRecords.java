package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Records by a seed: every form that a value may take, and with some luck one that it may not. */
final class RandomRecords {
  private static final String[] SPACES = {"", "", " ", "  ", "\t", "\r\n", "\n "};
  private static final String[] TEXTS = {
    "",
    "select",
    "12,33,104",
    "Größe",
    "日本語",
    "😀",
    "a\u0000b",
    "\"quoted\"",
    "back\\slash",
    "line\nbreak",
    "tab\t",
    "/",
    "\u007f",
    "\u2028",
    "null",
    "{\"a\": [1]}",
    "x".repeat(300)
  };
  private static final String[] ZONES = {
    "", "", "", "Z", "+00:00", "+01:00", "-0530", "+05", "-11:59", "+18:00", "+18:01", "z", "+1"
  };

  private final Random random;
  private final Contract contract;
  private final double wrongShare;

  /**
   * @param wrongShare how many of the values are ones that may not be, 0 to 1
   */
  RandomRecords(Contract contract, long seed, double wrongShare) {
    this.contract = contract;
    this.random = new Random(seed);
    this.wrongShare = wrongShare;
  }

  String json() {
    List<String> members = new ArrayList<>();
    for (Field field : contract.fields()) {
      boolean eventTime = field.name().equals(contract.eventTime());
      int kind = random.nextInt(eventTime ? 200 : 12);
      if (kind > 0) {
        String value = kind == 1 ? "null" : jsonValue(field);
        members.add(quoted(field.name()) + space() + ":" + space() + value);
      }
    }
    for (int unknown = random.nextInt(3); unknown > 0; unknown--) {
      members.add(quoted("extra " + random.nextInt(3000)) + ":" + space() + anything(0));
    }
    if (random.nextInt(100) == 0) {
      members.add(members.get(0));
    }
    if (random.nextBoolean()) {
      Collections.shuffle(members, random);
    }
    StringBuilder json = new StringBuilder(space()).append('{').append(space());
    for (int index = 0; index < members.size(); index++) {
      json.append(index == 0 ? "" : space() + "," + space()).append(members.get(index));
    }
    return json.append(space()).append('}').append(space()).toString();
  }

  /** A CSV value, quoted or not, or nothing. */
  String csvValue(Field field) {
    int kind = random.nextInt(field.name().equals(contract.eventTime()) ? 200 : 12);
    if (kind == 0) {
      return "";
    }
    String text =
        wrong()
            ? TEXTS[random.nextInt(TEXTS.length)]
            : switch (field.type()) {
              case STRING -> TEXTS[random.nextInt(TEXTS.length)];
              case INTEGER -> whole();
              case NUMBER -> number();
              case BOOLEAN ->
                  new String[] {"true", "False", "TRUE", "0", "1", "1.0"}[random.nextInt(6)];
              case TIMESTAMP -> random.nextInt(9) == 0 ? epochMillis() : timestamp();
            };
    boolean quote = text.isEmpty() || text.matches("(?s).*[,\"\r\n].*") || random.nextInt(6) == 0;
    return quote ? '"' + text.replace("\"", "\"\"") + '"' : text;
  }

  private boolean wrong() {
    return random.nextDouble() < wrongShare;
  }

  private String jsonValue(Field field) {
    if (wrong()) {
      return anything(0);
    }
    return switch (field.type()) {
      case STRING -> quoted(TEXTS[random.nextInt(TEXTS.length)]);
      case INTEGER -> whole();
      case NUMBER -> number();
      case BOOLEAN ->
          new String[] {"true", "false", "0", "1", "0.0", "1.0", "1e0", "10E-1"}[random.nextInt(8)];
      case TIMESTAMP -> random.nextInt(9) == 0 ? epochMillis() : quoted(timestamp());
    };
  }

  private String whole() {
    return switch (random.nextInt(9)) {
      case 0 -> Long.toString(random.nextLong());
      case 1 -> random.nextInt(1000) + ".0";
      case 2 -> random.nextInt(1000) + "00e-2";
      case 3 -> random.nextInt(1000) + "." + random.nextInt(1000) + "e3";
      case 4 -> random.nextBoolean() ? "9223372036854775807" : "-9223372036854775808";
      case 5 -> "-" + random.nextInt(10);
      default -> Integer.toString(random.nextInt(1_000_000));
    };
  }

  private String number() {
    return switch (random.nextInt(8)) {
      case 0 -> finite(Double.longBitsToDouble(random.nextLong()));
      case 1 -> Double.toString(random.nextGaussian() * 1e6);
      case 2 -> random.nextLong() + "." + random.nextInt(Integer.MAX_VALUE);
      case 3 -> random.nextInt(100) + "E" + (random.nextInt(600) - 300);
      case 4 -> Math.abs(random.nextLong()) + "" + Math.abs(random.nextLong());
      case 5 -> new BigDecimal(random.nextDouble()).toPlainString();
      case 6 -> "-" + random.nextInt(10);
      default -> random.nextInt(1_000_000) + "." + random.nextInt(10);
    };
  }

  private static String finite(double value) {
    return Double.isFinite(value) ? Double.toString(value) : "0.5";
  }

  private String epochMillis() {
    return Long.toString((long) (1.7e12 + random.nextGaussian() * 1e12));
  }

  private String timestamp() {
    int digits = random.nextInt(11) - 1;
    StringBuilder fraction = new StringBuilder(digits > 0 ? "." : "");
    for (int index = 0; index < digits; index++) {
      fraction.append(random.nextInt(10));
    }
    return String.format(
            Locale.ROOT,
            "%04d-%02d-%02d%s%02d:%02d:%02d",
            random.nextInt(20) == 0 ? 1890 + random.nextInt(320) : 2024,
            1 + random.nextInt(12),
            1 + random.nextInt(random.nextInt(20) == 0 ? 31 : 28),
            random.nextBoolean() ? "T" : " ",
            random.nextInt(24),
            random.nextInt(60),
            random.nextInt(60))
        + fraction
        + ZONES[random.nextInt(ZONES.length - (wrong() ? 0 : 3))];
  }

  private String anything(int depth) {
    return switch (random.nextInt(depth > 4 ? 6 : 8)) {
      case 0 -> "null";
      case 1 -> random.nextBoolean() ? "true" : "false";
      case 2 -> whole();
      case 3 -> number();
      case 4 -> quoted(TEXTS[random.nextInt(TEXTS.length)]);
      case 5 -> quoted(contract.eventTime());
      case 6 -> {
        StringBuilder array = new StringBuilder("[").append(space());
        for (int index = random.nextInt(4); index > 0; index--) {
          array.append(anything(depth + 1)).append(space()).append(index > 1 ? "," : "");
        }
        yield array.append(']').toString();
      }
      default -> {
        StringBuilder object = new StringBuilder("{").append(space());
        for (int index = random.nextInt(4); index > 0; index--) {
          String name = index == 1 ? contract.eventTime() : "n" + index;
          object.append(quoted(name)).append(space()).append(':').append(anything(depth + 1));
          object.append(space()).append(index > 1 ? "," + space() : "");
        }
        yield object.append('}').toString();
      }
    };
  }

  private String space() {
    return SPACES[random.nextInt(SPACES.length)];
  }

  /** A JSON string, with more escapes than it needs. */
  private String quoted(String text) {
    boolean eager = random.nextInt(10) == 0;
    StringBuilder json = new StringBuilder("\"");
    for (int index = 0; index < text.length(); index++) {
      char next = text.charAt(index);
      if (next < ' ' || (eager && random.nextInt(4) == 0 && !Character.isSurrogate(next))) {
        String hex = HexFormat.of().toHexDigits(next);
        json.append("\\u").append(random.nextBoolean() ? hex : hex.toUpperCase(Locale.ROOT));
      } else if (eager && Character.isSurrogate(next)) {
        json.append("\\u").append(HexFormat.of().toHexDigits(next));
      } else if (next == '"' || next == '\\') {
        json.append('\\').append(next);
      } else if (next == '/' && random.nextBoolean()) {
        json.append("\\/");
      } else {
        json.append(next);
      }
    }
    return json.append('"').toString();
  }
}
