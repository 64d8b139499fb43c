package io.highwater.features;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.contract.Feature;
import io.highwater.contract.Field;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Makes the inputs of models from rows: float32[n, d], row after row, NaN where a value is missing.
 * A row's numbers depend on the row and the encodings alone. Immutable.
 */
public final class FeatureSet {
  private static final long MICROS_PER_HOUR = 3_600_000_000L;

  /** 1970-01-01 was a Thursday, the day after Monday by three. */
  private static final int EPOCH_DAYS_AFTER_MONDAY = 3;

  private final Detector detector;
  private final String eventTime;
  private final List<Feature> features;
  private final Map<String, byte[][]> categories;
  private final List<String> definitions;

  private FeatureSet(
      Detector detector,
      String eventTime,
      List<Feature> features,
      Map<String, byte[][]> categories,
      List<String> definitions) {
    this.detector = detector;
    this.eventTime = eventTime;
    this.features = features;
    this.categories = categories;
    this.definitions = definitions;
  }

  /** All features that the contract's detector declares, in its order. */
  public static FeatureSet of(Contract contract, Detector detector) {
    Map<String, byte[][]> categories = new HashMap<>();
    List<String> definitions = new ArrayList<>();
    for (Feature feature : detector.features()) {
      String column = feature.column();
      List<String> allowed =
          contract.fields().stream()
              .filter(field -> field.name().equals(column))
              .map(Field::allowedValues)
              .findFirst()
              .orElse(List.of());
      if (feature.function() == Feature.Function.CATEGORY && column != null) {
        categories.put(
            column,
            allowed.stream()
                .map(value -> value.getBytes(StandardCharsets.UTF_8))
                .toArray(byte[][]::new));
      }
      definitions.add(definition(contract, detector, feature, allowed));
    }
    return new FeatureSet(
        detector, contract.eventTime(), detector.features(), categories, definitions);
  }

  /** What a feature is, as text: equal texts are equal numbers for the same row and encodings. */
  private static String definition(
      Contract contract, Detector detector, Feature feature, List<String> allowed) {
    String arguments =
        switch (feature.function()) {
          case HOUR_OF_DAY, DAY_OF_WEEK -> contract.eventTime();
          case USUAL_MEDIAN, USUAL_SPREAD, USUAL_COUNT, USUAL_FREQUENCY ->
              Targets.definition(detector) + " by " + String.join(", ", detector.subject());
          case CATEGORY -> feature.column() + " in " + String.join(", ", allowed);
          case LIST_LENGTH -> feature.column() + " by " + feature.separator();
          case VALUE, LOG1P, IS_NULL, IS_ZERO, IS_PRESENT -> String.valueOf(feature.column());
        };
    return feature.function().word() + "(" + arguments + ")";
  }

  /**
   * The features that a model was trained with, in its order.
   *
   * @param names of the model's features
   * @param wanted their {@link #definitions} when it was trained
   * @throws IllegalArgumentException where one is not declared, or is another one now; in one line
   */
  public FeatureSet select(List<String> names, List<String> wanted) {
    List<Feature> selected = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      int place = names().indexOf(names.get(i));
      if (place < 0) {
        throw new IllegalArgumentException(
            "the contract has no feature '%s' (%s)".formatted(names.get(i), wanted.get(i)));
      }
      if (!definitions.get(place).equals(wanted.get(i))) {
        throw new IllegalArgumentException(
            "feature '%s' is %s in the contract, and was %s in training"
                .formatted(names.get(i), definitions.get(place), wanted.get(i)));
      }
      selected.add(features.get(place));
    }
    return new FeatureSet(detector, eventTime, selected, categories, List.copyOf(wanted));
  }

  /** In the order of the columns. */
  public List<String> names() {
    return features.stream().map(Feature::name).toList();
  }

  /** How each is made, in one line each. */
  public List<String> definitions() {
    return definitions;
  }

  /** How many columns there are. */
  public int columns() {
    return features.size();
  }

  /**
   * Writes the features of rows from the buffer's index 0 on; its position and limit do not matter
   * and do not change.
   *
   * @param batch with the contract's fields and derived columns
   * @param rows which, in the order of the output
   * @param out room for {@code rows.length} times {@link #columns} values
   */
  public void fill(VectorSchemaRoot batch, int[] rows, Encodings encodings, FloatBuffer out) {
    fill(batch, rows, SubjectValues.of(batch, detector.subject(), rows, encodings), out);
  }

  /** As the other, where the subjects have been looked up before. */
  public void fill(VectorSchemaRoot batch, int[] rows, SubjectValues subjects, FloatBuffer out) {
    Map<String, double[]> numbers = new HashMap<>();
    float[] values = new float[rows.length];
    for (int column = 0; column < features.size(); column++) {
      compute(features.get(column), batch, rows, numbers, subjects, values);
      for (int i = 0, at = column; i < values.length; i++, at += features.size()) {
        out.put(at, values[i]);
      }
    }
  }

  private void compute(
      Feature feature,
      VectorSchemaRoot batch,
      int[] rows,
      Map<String, double[]> numbers,
      SubjectValues subjects,
      float[] out) {
    switch (feature.function()) {
      case VALUE -> {
        double[] of = numbers(feature, batch, rows, numbers);
        for (int i = 0; i < out.length; i++) {
          out[i] = (float) of[i];
        }
      }
      case LOG1P -> {
        double[] of = numbers(feature, batch, rows, numbers);
        for (int i = 0; i < out.length; i++) {
          // A maximum with NaN is NaN.
          out[i] = (float) Math.log1p(Math.max(0, of[i]));
        }
      }
      case IS_ZERO -> {
        double[] of = numbers(feature, batch, rows, numbers);
        for (int i = 0; i < out.length; i++) {
          out[i] = of[i] == 0 ? 1 : 0;
        }
      }
      case IS_NULL -> {
        FieldVector column = column(feature, batch);
        for (int i = 0; i < out.length; i++) {
          out[i] = column.isNull(rows[i]) ? 1 : 0;
        }
      }
      case IS_PRESENT -> {
        VarCharVector texts = texts(feature, batch);
        for (int i = 0; i < out.length; i++) {
          out[i] = length(texts, rows[i]) > 0 ? 1 : 0;
        }
      }
      case LIST_LENGTH -> listLengths(feature, texts(feature, batch), rows, out);
      case CATEGORY -> categories(feature, texts(feature, batch), rows, out);
      case HOUR_OF_DAY -> {
        TimeStampMicroVector times = (TimeStampMicroVector) RowChoice.column(batch, eventTime);
        for (int i = 0; i < out.length; i++) {
          out[i] = Math.floorMod(Math.floorDiv(times.get(rows[i]), MICROS_PER_HOUR), 24);
        }
      }
      case DAY_OF_WEEK -> {
        TimeStampMicroVector times = (TimeStampMicroVector) RowChoice.column(batch, eventTime);
        for (int i = 0; i < out.length; i++) {
          long day = Math.floorDiv(times.get(rows[i]), 24 * MICROS_PER_HOUR);
          out[i] = Math.floorMod(day + EPOCH_DAYS_AFTER_MONDAY, 7) + 1;
        }
      }
      case USUAL_MEDIAN -> System.arraycopy(subjects.medians(), 0, out, 0, out.length);
      case USUAL_SPREAD -> System.arraycopy(subjects.spreads(), 0, out, 0, out.length);
      case USUAL_COUNT -> System.arraycopy(subjects.counts(), 0, out, 0, out.length);
      case USUAL_FREQUENCY -> {
        float[] counts = subjects.counts();
        for (int i = 0; i < out.length; i++) {
          out[i] =
              counts[i] == 0
                  ? 0
                  : counts[i] < Encodings.MODERATE_ROWS
                      ? 1
                      : counts[i] < Encodings.COMMON_ROWS ? 2 : 3;
        }
      }
    }
  }

  private static FieldVector column(Feature feature, VectorSchemaRoot batch) {
    return RowChoice.column(batch, String.valueOf(feature.column()));
  }

  private static double[] numbers(
      Feature feature, VectorSchemaRoot batch, int[] rows, Map<String, double[]> numbers) {
    return numbers.computeIfAbsent(
        String.valueOf(feature.column()),
        name -> Numbers.read(RowChoice.column(batch, name), rows));
  }

  private static VarCharVector texts(Feature feature, VectorSchemaRoot batch) {
    if (column(feature, batch) instanceof VarCharVector texts) {
      return texts;
    }
    throw new IllegalArgumentException("column '" + feature.column() + "' is not a string");
  }

  /** In bytes; 0 of a null, whose offsets may be any. */
  private static int length(VarCharVector texts, int row) {
    return texts.isNull(row) ? 0 : texts.getEndOffset(row) - texts.getStartOffset(row);
  }

  /** Values are as in the roll-ups' lists: an empty or blank one is none. */
  private static void listLengths(Feature feature, VarCharVector texts, int[] rows, float[] out) {
    byte separator = (byte) String.valueOf(feature.separator()).charAt(0);
    byte[] bytes = new byte[256];
    for (int i = 0; i < out.length; i++) {
      int length = length(texts, rows[i]);
      if (length > bytes.length) {
        bytes = new byte[2 * length];
      }
      if (length > 0) {
        texts.getDataBuffer().getBytes(texts.getStartOffset(rows[i]), bytes, 0, length);
      }
      int count = 0;
      boolean inValue = false;
      for (int at = 0; at < length; at++) {
        if (bytes[at] == separator) {
          inValue = false;
        } else if (!inValue && bytes[at] != ' ') {
          inValue = true;
          count++;
        }
      }
      out[i] = count;
    }
  }

  private void categories(Feature feature, VarCharVector texts, int[] rows, float[] out) {
    byte[][] allowed = categories.getOrDefault(String.valueOf(feature.column()), new byte[0][]);
    int longest = Arrays.stream(allowed).mapToInt(value -> value.length).max().orElse(0);
    byte[] bytes = new byte[longest];
    for (int i = 0; i < out.length; i++) {
      out[i] = Float.NaN;
      int length = length(texts, rows[i]);
      if (texts.isNull(rows[i]) || length > longest) {
        continue;
      }
      texts.getDataBuffer().getBytes(texts.getStartOffset(rows[i]), bytes, 0, length);
      for (int place = 0; place < allowed.length; place++) {
        if (Arrays.equals(bytes, 0, length, allowed[place], 0, allowed[place].length)) {
          out[i] = place;
          break;
        }
      }
    }
  }
}
