package io.highwater.record;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The parser's second implementation: Jackson's tree, BigDecimal and java.time, slow and obvious.
 * It shares nothing with the parser but the contract.
 */
final class NaiveRecords {
  private static final Pattern TIMESTAMP =
      Pattern.compile(
          "([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\\.[0-9]{1,9})?"
              + "(Z|[+-][0-9]{2}|[+-][0-9]{4}|[+-][0-9]{2}:[0-9]{2})?");

  private static final JsonMapper DOUBLES =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();
  private static final JsonMapper DECIMALS =
      DOUBLES.rebuild().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();

  /** A record is one or the other. */
  record Outcome(@Nullable List<@Nullable Object> row, @Nullable ErrorCode code) {}

  private static final class RejectedException extends Exception {
    private static final long serialVersionUID = 1L;
    private final ErrorCode code;

    RejectedException(ErrorCode code) {
      this.code = code;
    }
  }

  private NaiveRecords() {}

  /** Null for a record that Jackson's tree cannot hold (an exponent of more than ten digits). */
  static @Nullable Outcome json(Contract contract, byte[] message) {
    JsonNode doubles;
    JsonNode decimals;
    try {
      doubles = DOUBLES.readTree(message);
      decimals = DECIMALS.readTree(message);
    } catch (JsonProcessingException e) {
      boolean duplicate = e.getOriginalMessage().startsWith("Duplicate");
      return new Outcome(null, duplicate ? ErrorCode.DUPLICATE_FIELD : ErrorCode.MALFORMED_JSON);
    } catch (NumberFormatException e) {
      return null;
    } catch (IOException e) {
      // Jackson reports some kinds of wrong UTF-8 so.
      return new Outcome(null, ErrorCode.INVALID_UTF8);
    }
    if (!doubles.isObject()) {
      return new Outcome(null, ErrorCode.NOT_AN_OBJECT);
    }
    List<@Nullable Object> row = new ArrayList<>();
    List<ErrorCode> codes = new ArrayList<>();
    // In the order of the message: the first wrong value names the rejection.
    doubles
        .fieldNames()
        .forEachRemaining(
            name ->
                contract.fields().stream()
                    .filter(field -> field.name().equals(name))
                    .forEach(
                        field -> {
                          try {
                            value(field, doubles.get(name), decimals.get(name));
                          } catch (RejectedException e) {
                            codes.add(e.code);
                          }
                        }));
    if (!codes.isEmpty()) {
      return new Outcome(null, codes.get(0));
    }
    for (Field field : contract.fields()) {
      try {
        Object value = value(field, doubles.get(field.name()), decimals.get(field.name()));
        if (value == null && field.name().equals(contract.eventTime())) {
          return new Outcome(null, ErrorCode.MISSING_REQUIRED);
        }
        row.add(value);
      } catch (RejectedException e) {
        throw new AssertionError(e);
      }
    }
    return new Outcome(row, null);
  }

  private static @Nullable Object value(
      Field field, @Nullable JsonNode node, @Nullable JsonNode decimal) throws RejectedException {
    if (node == null || decimal == null || node.isNull()) {
      return nullOf(field);
    }
    return switch (field.type()) {
      case STRING -> {
        if (!node.isTextual()) {
          throw new RejectedException(ErrorCode.WRONG_TYPE);
        }
        yield node.textValue();
      }
      case NUMBER -> {
        if (!node.isNumber()) {
          throw new RejectedException(ErrorCode.WRONG_TYPE);
        }
        yield finite(
            node.isIntegralNumber() ? node.bigIntegerValue().doubleValue() : node.doubleValue());
      }
      case INTEGER -> {
        if (!node.isNumber()) {
          throw new RejectedException(ErrorCode.WRONG_TYPE);
        }
        yield whole(decimal.decimalValue());
      }
      case BOOLEAN -> {
        if (node.isBoolean()) {
          yield node.booleanValue();
        }
        if (node.isNumber() && decimal.decimalValue().signum() == 0) {
          yield false;
        }
        if (node.isNumber() && decimal.decimalValue().compareTo(BigDecimal.ONE) == 0) {
          yield true;
        }
        throw new RejectedException(ErrorCode.WRONG_TYPE);
      }
      case TIMESTAMP -> {
        if (node.isTextual()) {
          yield micros(node.textValue());
        }
        if (!node.isNumber()) {
          throw new RejectedException(ErrorCode.WRONG_TYPE);
        }
        yield microsOfMillis(decimal.decimalValue());
      }
    };
  }

  /** A CSV value; null where nothing stands between the commas. */
  static Outcome csv(Contract contract, List<String> header, List<@Nullable String> values) {
    List<@Nullable Object> row = new ArrayList<>();
    for (Field ignored : contract.fields()) {
      row.add(null);
    }
    try {
      for (int column = 0; column < header.size(); column++) {
        for (int index = 0; index < contract.fields().size(); index++) {
          if (contract.fields().get(index).name().equals(header.get(column))) {
            row.set(index, csvValue(contract.fields().get(index), values.get(column)));
          }
        }
      }
      for (int index = 0; index < contract.fields().size(); index++) {
        if (!header.contains(contract.fields().get(index).name())) {
          row.set(index, nullOf(contract.fields().get(index)));
        }
        if (contract.fields().get(index).name().equals(contract.eventTime())
            && row.get(index) == null) {
          throw new RejectedException(ErrorCode.MISSING_REQUIRED);
        }
      }
    } catch (RejectedException e) {
      return new Outcome(null, e.code);
    }
    return new Outcome(row, null);
  }

  private static @Nullable Object csvValue(Field field, @Nullable String text)
      throws RejectedException {
    if (text == null) {
      return nullOf(field);
    }
    boolean number = text.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");
    return switch (field.type()) {
      case STRING -> text;
      case NUMBER -> {
        if (!number) {
          throw new RejectedException(ErrorCode.WRONG_TYPE);
        }
        yield finite(Double.parseDouble(text));
      }
      case INTEGER -> {
        if (!number) {
          throw new RejectedException(ErrorCode.WRONG_TYPE);
        }
        yield whole(new BigDecimal(text));
      }
      case BOOLEAN ->
          switch (text.toLowerCase(Locale.ROOT)) {
            case "true", "1", "1.0" -> true;
            case "false", "0", "0.0" -> false;
            default -> throw new RejectedException(ErrorCode.WRONG_TYPE);
          };
      case TIMESTAMP -> number ? microsOfMillis(new BigDecimal(text)) : micros(text);
    };
  }

  private static @Nullable Object nullOf(Field field) {
    Double nullAs = field.nullAs();
    if (nullAs == null) {
      return null;
    }
    return switch (field.type()) {
      case INTEGER, TIMESTAMP -> nullAs.longValue();
      case NUMBER -> nullAs;
      case BOOLEAN -> nullAs != 0;
      case STRING -> null;
    };
  }

  private static Double finite(double value) throws RejectedException {
    if (Double.isInfinite(value)) {
      throw new RejectedException(ErrorCode.NUMBER_OUT_OF_RANGE);
    }
    return value;
  }

  private static Long whole(BigDecimal value) throws RejectedException {
    if (value.stripTrailingZeros().scale() > 0) {
      throw new RejectedException(ErrorCode.WRONG_TYPE);
    }
    if (value.abs().compareTo(new BigDecimal(BigInteger.ONE.shiftLeft(64))) > 0) {
      throw new RejectedException(ErrorCode.NUMBER_OUT_OF_RANGE);
    }
    try {
      return value.longValueExact();
    } catch (ArithmeticException e) {
      throw new RejectedException(ErrorCode.NUMBER_OUT_OF_RANGE);
    }
  }

  private static Long microsOfMillis(BigDecimal value) throws RejectedException {
    try {
      long millis = whole(value);
      int year = LocalDateTime.ofEpochSecond(millis / 1000, 0, ZoneOffset.UTC).getYear();
      if (year >= 1900 && year <= 2199) {
        return millis * 1000;
      }
    } catch (RejectedException | DateTimeException e) {
      throw new RejectedException(ErrorCode.INVALID_TIMESTAMP);
    }
    throw new RejectedException(ErrorCode.INVALID_TIMESTAMP);
  }

  private static Long micros(String text) throws RejectedException {
    Matcher matcher = TIMESTAMP.matcher(text);
    if (!matcher.matches()) {
      throw new RejectedException(ErrorCode.INVALID_TIMESTAMP);
    }
    String fraction = matcher.group(3) == null ? "" : matcher.group(3);
    try {
      LocalDateTime time =
          LocalDateTime.parse(matcher.group(1) + "T" + matcher.group(2) + fraction)
              .truncatedTo(ChronoUnit.MICROS);
      String zone = matcher.group(4) == null ? "Z" : matcher.group(4);
      if (time.getYear() < 1900 || time.getYear() > 2199) {
        throw new RejectedException(ErrorCode.INVALID_TIMESTAMP);
      }
      return ChronoUnit.MICROS.between(
          LocalDateTime.of(1970, 1, 1, 0, 0),
          time.minusSeconds(ZoneOffset.of(zone).getTotalSeconds()));
    } catch (DateTimeException e) {
      throw new RejectedException(ErrorCode.INVALID_TIMESTAMP);
    }
  }

  /** An independent reader of CSV: one character after the other. */
  static List<List<@Nullable String>> splitCsv(String text) {
    List<List<@Nullable String>> records = new ArrayList<>();
    List<@Nullable String> record = new ArrayList<>();
    StringBuilder value = new StringBuilder();
    boolean quoted = false;
    boolean inQuotes = false;
    for (int index = 0; index < text.length(); index++) {
      char next = text.charAt(index);
      if (inQuotes) {
        if (next != '"') {
          value.append(next);
        } else if (index + 1 < text.length() && text.charAt(index + 1) == '"') {
          value.append('"');
          index++;
        } else {
          inQuotes = false;
        }
      } else if (next == '"') {
        quoted = true;
        inQuotes = true;
      } else if (next == ',' || next == '\n') {
        record.add(value.length() == 0 && !quoted ? null : value.toString());
        value.setLength(0);
        quoted = false;
        if (next == '\n') {
          records.add(record);
          record = new ArrayList<>();
        }
      } else if (next != '\r' || index + 1 == text.length() || text.charAt(index + 1) != '\n') {
        value.append(next);
      }
    }
    if (!record.isEmpty() || value.length() > 0 || quoted) {
      record.add(value.length() == 0 && !quoted ? null : value.toString());
      records.add(record);
    }
    return records;
  }
}
