package io.highwater.quality;

import static java.util.Objects.requireNonNull;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.lessThanOrEqualTo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.RollUp;
import io.highwater.record.RecordSchemas;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds comparisons against a plain one over maps. */
class LakeComparisonTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long START = 1_709_251_200_000_000L;

  /** Names that are words of SQL, or need quotes. */
  private static final Contract CONTRACT =
      new Contract(
          "readings",
          "2.0.0",
          "at",
          Duration.ofSeconds(10),
          List.of("region", "id"),
          List.of(
              field("region", FieldType.STRING),
              field("id", FieldType.INTEGER),
              field("at", FieldType.TIMESTAMP),
              field("group", FieldType.INTEGER),
              field("level", FieldType.NUMBER)),
          List.of(
              new DerivedColumn("grade", FieldType.STRING, "''"),
              new DerivedColumn("is_high", FieldType.BOOLEAN, "true"),
              new DerivedColumn("half", FieldType.NUMBER, "level / 2")),
          List.of(),
          new RollUp(List.of(Duration.ofHours(1)), List.of("group"), List.of()));

  private static final List<String> COLUMNS =
      List.of("region", "id", "at", "group", "level", "grade", "is_high", "half");
  private static final List<String> CLASSES = List.of("grade", "is_high");
  private static final String[] GRADES = {"low", "mid", "größe", ""};

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void hasGivenBackItsMemory() {
    allocator.close();
  }

  private static Field field(String name, FieldType type) {
    return new Field(name, type, false, null, null, null, List.of(), null);
  }

  /**
   * An hour's rows before and after: some come, some go, some change, some keys are there twice.
   */
  private record Hour(List<Map<String, Object>> before, List<Map<String, Object>> after) {
    static Hour random(long seed, int rowCount) {
      Random random = new Random(seed);
      Hour hour = new Hour(new ArrayList<>(), new ArrayList<>());
      for (long id = 0; id < rowCount; id++) {
        Map<String, Object> row = new HashMap<>();
        row.put("region", random.nextBoolean() ? "eu" : "us");
        row.put("id", random.nextInt(40) == 0 && id > 0 ? id - 1 : id);
        row.put("at", START + id * 1000);
        putOrNull(row, "group", random, (long) random.nextInt(4));
        putOrNull(row, "level", random, random.nextInt(9) / 2.0);
        putOrNull(row, "grade", random, GRADES[random.nextInt(4)]);
        putOrNull(row, "is_high", random, random.nextBoolean());
        putOrNull(row, "half", random, random.nextInt(3) / 2.0);
        Map<String, Object> now = new HashMap<>(row);
        if (random.nextInt(4) == 0) {
          putOrNull(now, "grade", random, GRADES[random.nextInt(4)]);
        }
        if (random.nextInt(9) == 0) {
          putOrNull(now, "is_high", random, random.nextBoolean());
          putOrNull(now, "level", random, random.nextInt(9) / 2.0);
        }
        if (random.nextInt(10) > 0) {
          hour.before.add(row);
        }
        if (random.nextInt(10) > 0) {
          hour.after.add(now);
        }
      }
      Collections.shuffle(hour.before, random);
      Collections.shuffle(hour.after, random);
      return hour;
    }

    private static void putOrNull(
        Map<String, Object> row, String column, Random random, Object value) {
      row.remove(column);
      if (random.nextInt(8) > 0) {
        row.put(column, value);
      }
    }
  }

  private ChangeReport compare(Hour hour, List<String> columnsBefore) {
    try (LakeComparison comparison =
        LakeComparison.of(CONTRACT, Long.MIN_VALUE, Long.MAX_VALUE, allocator)) {
      return compare(comparison, hour, columnsBefore);
    }
  }

  private ChangeReport compare(LakeComparison comparison, Hour hour, List<String> columnsBefore) {
    // A lake's hour has several files.
    int half = hour.before.size() / 2;
    add(comparison::addBefore, columnsBefore, hour.before.subList(0, half));
    add(comparison::addBefore, columnsBefore, hour.before.subList(half, hour.before.size()));
    add(comparison::addAfter, COLUMNS, hour.after);
    return comparison.compare();
  }

  private interface Side {
    void add(Schema schema, Iterator<VectorSchemaRoot> batches);
  }

  /** Hands rows over in batches of 100, as a reader does: each is there until the next. */
  private void add(Side side, List<String> columns, List<Map<String, Object>> rows) {
    Schema schema =
        new Schema(
            columns.stream()
                .map(name -> RecordSchemas.column(name, CONTRACT.typeOf(name)))
                .toList());
    try (VectorSchemaRoot batch = VectorSchemaRoot.create(schema, allocator)) {
      side.add(
          schema,
          new Iterator<>() {
            private int next;

            @Override
            public boolean hasNext() {
              return next < rows.size();
            }

            @Override
            public VectorSchemaRoot next() {
              int end = Math.min(rows.size(), next + 100);
              fill(batch, rows.subList(next, end));
              next = end;
              return batch;
            }
          });
    }
  }

  private static void fill(VectorSchemaRoot batch, List<Map<String, Object>> rows) {
    batch.clear();
    for (FieldVector vector : batch.getFieldVectors()) {
      for (int row = 0; row < rows.size(); row++) {
        Object value = rows.get(row).get(vector.getName());
        if (value instanceof String text) {
          ((VarCharVector) vector).setSafe(row, text.getBytes(StandardCharsets.UTF_8));
        } else if (value instanceof Boolean truth) {
          ((BitVector) vector).setSafe(row, truth ? 1 : 0);
        } else if (value instanceof Double number) {
          ((Float8Vector) vector).setSafe(row, number);
        } else if (value != null && vector instanceof TimeStampMicroVector times) {
          times.setSafe(row, (Long) value);
        } else if (value != null) {
          ((BigIntVector) vector).setSafe(row, (Long) value);
        }
      }
    }
    batch.setRowCount(rows.size());
  }

  /** Lines such as {@code 3 changed 17}, {@code 3 grade low to mid 4}; null stands for all. */
  private static TreeMap<String, Long> expected(Hour hour, List<String> columnsBefore) {
    TreeMap<String, Long> counts = new TreeMap<>();
    Map<List<Object>, List<Map<String, Object>>> before = byKey(hour.before);
    Map<List<Object>, List<Map<String, Object>>> after = byKey(hour.after);
    hour.before.forEach(row -> count(counts, row, "before"));
    hour.after.forEach(row -> count(counts, row, "after"));
    TreeSet<List<Object>> keys = new TreeSet<>(Comparator.comparing(List::toString));
    keys.addAll(before.keySet());
    keys.addAll(after.keySet());
    for (List<Object> key : keys) {
      List<Map<String, Object>> left = before.getOrDefault(key, List.of());
      List<Map<String, Object>> right = after.getOrDefault(key, List.of());
      for (int i = 0; i < Math.max(left.size(), right.size()); i++) {
        if (i >= right.size()) {
          count(counts, left.get(i), "removed");
        } else if (i >= left.size()) {
          count(counts, right.get(i), "added");
        } else {
          countPair(counts, left.get(i), right.get(i), columnsBefore);
        }
      }
    }
    return counts;
  }

  private static void countPair(
      Map<String, Long> counts,
      Map<String, Object> left,
      Map<String, Object> right,
      List<String> columnsBefore) {
    boolean differs = false;
    for (String column : COLUMNS) {
      Object from = columnsBefore.contains(column) ? left.get(column) : null;
      Object to = right.get(column);
      if (!Objects.equals(from, to)) {
        differs = true;
        count(counts, right, column);
        if (CLASSES.contains(column)) {
          count(counts, right, column + " " + from + " to " + to);
        }
      }
    }
    count(counts, right, differs ? "changed" : "unchanged");
  }

  private static void count(Map<String, Long> counts, Map<String, Object> row, String what) {
    counts.merge("all " + what, 1L, Long::sum);
    counts.merge("group " + row.get("group") + " " + what, 1L, Long::sum);
  }

  private static Map<List<Object>, List<Map<String, Object>>> byKey(
      List<Map<String, Object>> rows) {
    Map<List<Object>, List<Map<String, Object>>> byKey = new HashMap<>();
    for (Map<String, Object> row : rows) {
      byKey
          .computeIfAbsent(List.of(row.get("region"), row.get("id")), key -> new ArrayList<>())
          .add(row);
    }
    byKey.values().forEach(same -> same.sort(Comparator.comparing(LakeComparisonTest::time)));
    return byKey;
  }

  private static long time(Map<String, Object> row) {
    return (Long) requireNonNull(row.get("at"));
  }

  private static TreeMap<String, Long> found(ChangeReport report) throws IOException {
    JsonNode root = JSON.readTree(report.toJson());
    TreeMap<String, Long> counts = new TreeMap<>();
    put(counts, "all", root.path("rows"), root.path("columns"));
    for (JsonNode instance : root.path("instances")) {
      put(
          counts,
          "group " + instance.path("instance").asText(),
          instance,
          instance.path("columns"));
    }
    return counts;
  }

  private static void put(Map<String, Long> counts, String who, JsonNode rows, JsonNode columns) {
    for (String kind : List.of("before", "after", "added", "removed", "changed", "unchanged")) {
      putPositive(counts, who + " " + kind, rows.path(kind).asLong());
    }
    for (JsonNode column : columns) {
      String name = column.path("column").asText();
      putPositive(counts, who + " " + name, column.path("rows").asLong());
      for (JsonNode change : column.path("changes")) {
        putPositive(
            counts,
            "%s %s %s to %s"
                .formatted(who, name, text(change.path("from")), text(change.path("to"))),
            change.path("rows").asLong());
      }
    }
  }

  private static void putPositive(Map<String, Long> counts, String what, long count) {
    if (count != 0) {
      counts.put(what, count);
    }
  }

  private static @Nullable String text(JsonNode value) {
    return value.isNull() ? null : value.asText();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 300, 3000})
  void countsWhatComesGoesAndChanges(int rowCount) throws IOException {
    Hour hour = Hour.random(rowCount, rowCount);

    assertThat(found(compare(hour, COLUMNS)), equalTo(expected(hour, COLUMNS)));
  }

  @Test
  void takesAColumnThatTheLakeDoesNotHaveForNull() throws IOException {
    Hour hour = Hour.random(11, 500);
    List<String> columnsBefore = List.of("id", "at", "region", "group", "level", "half");

    assertThat(found(compare(hour, columnsBefore)), equalTo(expected(hour, columnsBefore)));
  }

  @Test
  void changesNothingWhereTheRowsAreTheSame() throws IOException {
    Hour some = Hour.random(12, 400);
    List<Map<String, Object>> shuffled = new ArrayList<>(some.before);
    Collections.shuffle(shuffled, new Random(1));

    JsonNode report = JSON.readTree(compare(new Hour(some.before, shuffled), COLUMNS).toJson());

    assertThat(report.at("/rows/unchanged").asInt(), is(some.before.size()));
    assertThat(report.at("/rows/changed").asInt(), is(0));
    assertThat(report.path("sample").size(), is(0));
  }

  @Test
  void countsTheRowsOfItsTimeAlone() throws IOException {
    Hour hour = Hour.random(13, 400);
    long from = START + 100_000;
    long to = START + 300_000;
    Hour inside = new Hour(between(hour.before, from, to), between(hour.after, from, to));
    assertThat(inside.before.size(), lessThan(hour.before.size()));

    try (LakeComparison comparison = LakeComparison.of(CONTRACT, from, to, allocator)) {
      assertThat(found(compare(comparison, hour, COLUMNS)), equalTo(expected(inside, COLUMNS)));
    }
  }

  private static List<Map<String, Object>> between(
      List<Map<String, Object>> rows, long from, long to) {
    return rows.stream().filter(row -> time(row) >= from && time(row) < to).toList();
  }

  @Test
  void forgetsAnHourBeforeTheNext() throws IOException {
    Hour second = Hour.random(15, 200);
    try (LakeComparison comparison =
        LakeComparison.of(CONTRACT, Long.MIN_VALUE, Long.MAX_VALUE, allocator)) {
      compare(comparison, Hour.random(14, 300), COLUMNS);

      assertThat(found(compare(comparison, second, COLUMNS)), equalTo(expected(second, COLUMNS)));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void mergesToTheSameInAnyOrder(long seed) throws IOException {
    Random random = new Random(seed);
    List<ChangeReport> parts = new ArrayList<>();
    TreeMap<String, Long> expected = new TreeMap<>();
    for (int hour = 0; hour < 6; hour++) {
      Hour rows = Hour.random(seed * 100 + hour, 60);
      parts.add(compare(rows, COLUMNS));
      expected(rows, COLUMNS).forEach((what, count) -> expected.merge(what, count, Long::sum));
    }
    ChangeReport inOrder = parts.stream().reduce(ChangeReport.empty(CONTRACT), ChangeReport::merge);
    Collections.shuffle(parts, random);
    while (parts.size() > 1) {
      ChangeReport left = copy(parts.remove(random.nextInt(parts.size())));
      parts.add(left.merge(parts.remove(random.nextInt(parts.size()))));
    }

    assertThat(parts.get(0), equalTo(inOrder));
    assertThat(found(parts.get(0)), equalTo(expected));
    assertThat(JSON.readTree(inOrder.toJson()).path("sample").size(), is(20));
  }

  private static ChangeReport copy(ChangeReport report) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    report.writeTo(new DataOutputStream(bytes));
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes.toByteArray()));
    ChangeReport copy = ChangeReport.readFrom(CONTRACT, in);
    assertThat(in.available(), is(0));
    return copy;
  }

  @Test
  void showsRowsThatChangeWhateverTheirOrder() throws IOException {
    Hour hour = Hour.random(16, 2000);
    JsonNode sample = JSON.readTree(compare(hour, COLUMNS).toJson()).path("sample");
    Collections.shuffle(hour.before, new Random(3));
    Collections.shuffle(hour.after, new Random(4));
    assertThat(JSON.readTree(compare(hour, COLUMNS).toJson()).path("sample"), equalTo(sample));

    assertThat(sample.size(), is(20));
    Map<List<Object>, List<Map<String, Object>>> before = byKey(hour.before);
    Map<List<Object>, List<Map<String, Object>>> after = byKey(hour.after);
    for (JsonNode example : sample) {
      List<Object> key =
          List.of(example.at("/key/region").asText(), example.at("/key/id").asLong());
      List<Map<String, Object>> left = requireNonNull(before.get(key));
      List<Map<String, Object>> right = requireNonNull(after.get(key));
      if (left.size() == 1 && right.size() == 1) {
        assertThat(example.path("changes").size(), greaterThan(0));
        for (String column : COLUMNS) {
          String from = Objects.toString(left.get(0).get(column), null);
          String to = Objects.toString(right.get(0).get(column), null);
          assertThat(
              cell(example, column), equalTo(Objects.equals(from, to) ? "" : from + " " + to));
        }
      }
    }
  }

  @Test
  void fitsATerminal() {
    String table = compare(Hour.random(17, 3000), COLUMNS).toTable();

    table.lines().forEach(line -> assertThat(line, line.length(), lessThanOrEqualTo(100)));
    assertThat(table, equalTo(EXPECTED_TABLE));
  }

  private static final String EXPECTED_TABLE =
      """
      What readings 2.0.0 would change in 1 hour of the lake. Nothing was written.

      rows before    2,691
        unchanged    1,734  64.44 %
        changed        695  25.83 %
        removed        262   9.74 %  no longer accepted, or not in the input
        added          281           newly accepted, or not in the lake
      rows after     2,710
      rows rejected      0

      column   rows  from   to
      grade     491
                 47  mid    ''
                 36  mid    low
                 34  low    größe
                 34  mid    größe
                 32  ''     low
                 30  größe  low
                 28  ''     größe
                 27  low    mid
                 26  ''     mid
                 22  größe  ''
                     …
      level     238
      is_high   146
                 48  false  true
                 42  true   false
                 18  true   null
                 17  null   false
                 11  null   true
                 10  false  null
      at          6
      group       5
      half        5

      group  before  changed  removed  added
      1         605      156       50     71
      0         586      150       68     54
      3         571      154       59     56
      2         588      145       51     63
      null      341       90       34     37

      for example  at
      eu, 1282     2024-03-01 00:00:01  level null → 3.0, is_high false → true
      us, 1149     2024-03-01 00:00:01  grade low → null
      us, 1588     2024-03-01 00:00:01  grade mid → ''
      us, 1925     2024-03-01 00:00:01  grade mid → low
      eu, 2214     2024-03-01 00:00:02  grade mid → größe
      us, 2687     2024-03-01 00:00:02  grade null → mid
      eu, 1667     2024-03-01 00:00:01  grade größe → low
      us, 173      2024-03-01 00:00:00  grade mid → ''
      us, 499      2024-03-01 00:00:00  grade mid → größe
      eu, 2437     2024-03-01 00:00:02  level 3.0 → 0.5, grade null → low
      """;

  private static String cell(JsonNode example, String column) {
    for (JsonNode change : example.path("changes")) {
      if (change.path("column").asText().equals(column)) {
        return text(change.path("from")) + " " + text(change.path("to"));
      }
    }
    return "";
  }
}
