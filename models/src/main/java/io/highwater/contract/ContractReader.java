package io.highwater.contract;

import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/**
 * Makes a contract of a YAML document. Reads on after a problem, so that all of them are known at
 * the end; what it returns is of use only if there were none.
 */
final class ContractReader {
  /** Columns that Highwater adds to the tables of the lake, and the folders' own. */
  private static final Set<String> RESERVED_COLUMNS =
      Set.of(
          "predicted_ms",
          "predicted_p90_ms",
          "duration_score",
          "forest_score",
          "is_outlier",
          "outlier_reason",
          "model_version",
          "outlier_id",
          "usual_median_ms",
          "usual_p95_ms",
          "usual_count",
          "ratio",
          "severity",
          "explanation",
          "date",
          "hour");

  private static final Pattern COLUMN_NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_]*");
  private static final Pattern CONTRACT_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");
  private static final Duration MAX_DURATION = Duration.ofDays(31);

  /** Documentation by the standard: may be there and has no effect. */
  private static final List<String> CONTRACT_KEYS =
      List.of(
          "apiVersion",
          "kind",
          "id",
          "version",
          "status",
          "name",
          "description",
          "tenant",
          "domain",
          "dataProduct",
          "tags",
          "team",
          "roles",
          "support",
          "price",
          "servers",
          "slaProperties",
          "authoritativeDefinitions",
          "contractCreatedTs",
          "schema",
          "customProperties");

  private static final List<String> FIELD_KEYS =
      List.of(
          "name",
          "logicalType",
          "required",
          "primaryKey",
          "primaryKeyPosition",
          "logicalTypeOptions",
          "customProperties",
          "description",
          "classification",
          "businessName",
          "physicalType",
          "examples",
          "tags",
          "criticalDataElement",
          "authoritativeDefinitions");

  private final ContractProblems problems;
  private final List<Field> fields = new ArrayList<>();
  private final List<KeyPart> key = new ArrayList<>();
  private final List<DerivedColumn> derived = new ArrayList<>();
  private final List<RowRule> rules = new ArrayList<>();
  private final ExpressionReader expressions;

  /** Fields by name; without a type where that could not be read. */
  private final Map<String, Optional<FieldType>> fieldTypes = new LinkedHashMap<>();

  /** Fields and derived columns by name; without a type where that could not be read. */
  private final Map<String, Optional<FieldType>> columnTypes = new LinkedHashMap<>();

  private record KeyPart(String name, @Nullable Integer position, Node node) {}

  ContractReader(ContractProblems problems) {
    this.problems = problems;
    this.expressions = new ExpressionReader(problems);
  }

  @Nullable Contract read(Node root) {
    YamlObject document =
        YamlObject.read(
            root, "the contract", CONTRACT_KEYS, List.of("slaDefaultElement"), problems);
    if (document == null) {
      return null;
    }
    requireConstant(document, "apiVersion", "v3.1.0");
    requireConstant(document, "kind", "DataContract");
    document.requireText("status");
    String version = document.requireText("version");
    String id = document.requireText("id");
    Node idNode = document.get("id");
    if (id != null && idNode != null && !CONTRACT_ID.matcher(id).matches()) {
      problems.add(
          idNode, "'id' of the contract", "letters, digits, '.', '_' and '-' (it names a folder)");
    }
    Map<String, Node> properties =
        document.customProperties(
            List.of(
                "eventTime",
                "outOfOrderBound",
                "parameters",
                "derivedColumns",
                "rollUps",
                "detector"));
    expressions.readParameters(properties.get("parameters"));
    readSchema(document);
    readDerivedColumns(properties.get("derivedColumns"));
    String eventTime = readEventTime(document, properties);
    Node boundNode =
        requireProperty(document, properties, "outOfOrderBound", "a duration such as PT10S");
    Duration outOfOrderBound = duration(boundNode, "outOfOrderBound", Duration.ZERO);
    Node rollUpNode =
        requireProperty(document, properties, "rollUps", "windows, keys and measures");
    RollUp rollUp = rollUpReader().read(rollUpNode);
    Detector detector =
        new DetectorReader(new ColumnNames(columnTypes, problems), closedColumns(), problems)
            .read(properties.get("detector"));
    expressions.check(fieldTypes);
    if (id == null
        || version == null
        || eventTime == null
        || outOfOrderBound == null
        || rollUp == null) {
      return null;
    }
    return new Contract(
        id,
        version,
        eventTime,
        outOfOrderBound,
        key.stream().map(KeyPart::name).toList(),
        fields,
        derived,
        rules,
        rollUp,
        detector);
  }

  private RollUpReader rollUpReader() {
    return new RollUpReader(columnTypes, closedColumns(), expressions.ofOtherColumns(), problems);
  }

  private Set<String> closedColumns() {
    Set<String> closed = new HashSet<>();
    for (Field field : fields) {
      if (!field.allowedValues().isEmpty()) {
        closed.add(field.name());
      }
    }
    return closed;
  }

  private void requireConstant(YamlObject document, String name, String value) {
    String text = document.requireText(name);
    Node node = document.get(name);
    if (text != null && node != null && !text.equals(value)) {
      problems.add(node, "'" + name + "' of " + document.what(), value);
    }
  }

  private @Nullable Node requireProperty(
      YamlObject document, Map<String, Node> properties, String name, String expected) {
    Node node = properties.get(name);
    if (node == null) {
      problems.add(
          document.node(), "custom property '" + name + "' of the contract", "nothing", expected);
    }
    return node;
  }

  private void readSchema(YamlObject document) {
    Node schemaNode = document.require("schema", "a list of one object");
    List<Node> objects = YamlObject.list(schemaNode, "'schema' of the contract", problems);
    if (schemaNode != null && objects.size() != 1) {
      problems.add(
          schemaNode,
          "'schema' of the contract",
          objects.size() + " objects",
          "exactly one object");
    }
    if (objects.isEmpty()) {
      return;
    }
    YamlObject object =
        YamlObject.read(
            objects.get(0),
            "the schema's object",
            List.of(
                "name",
                "logicalType",
                "physicalType",
                "physicalName",
                "businessName",
                "description",
                "dataGranularityDescription",
                "tags",
                "authoritativeDefinitions",
                "properties",
                "quality"),
            List.of("relationships", "customProperties"),
            problems);
    if (object == null) {
      return;
    }
    object.requireText("name");
    Node propertiesNode = object.require("properties", "a list of fields");
    List<Node> items =
        YamlObject.list(propertiesNode, "'properties' of the schema's object", problems);
    Set<String> names = new HashSet<>();
    for (Node item : items) {
      readField(item, names);
    }
    columnTypes.putAll(fieldTypes);
    if (propertiesNode != null && key.isEmpty()) {
      problems.add(propertiesNode, "key", "nothing", "at least one field with primaryKey: true");
    }
    key.sort(
        Comparator.comparing(KeyPart::position, Comparator.nullsLast(Comparator.naturalOrder())));
    Set<Integer> positions = new HashSet<>();
    for (KeyPart part : key) {
      if (key.size() > 1 && (part.position == null || !positions.add(part.position))) {
        problems.add(
            part.node,
            "primaryKeyPosition of field '" + part.name + "'",
            part.position == null ? "nothing" : part.position.toString(),
            "a position of its own, from 1, as the key has several fields");
      }
    }
    for (Node item : object.list("quality")) {
      readRule(item);
    }
  }

  private void readField(Node item, Set<String> names) {
    YamlObject property =
        YamlObject.read(
            item,
            "a field",
            FIELD_KEYS,
            List.of(
                "physicalName",
                "unique",
                "partitioned",
                "partitionKeyPosition",
                "encryptedName",
                "transformSourceObjects",
                "transformLogic",
                "transformDescription",
                "relationships",
                "quality",
                "properties",
                "items"),
            problems);
    if (property == null) {
      return;
    }
    String name = property.requireText("name");
    String what = property.what();
    checkColumnName(property, name, names);
    FieldType type = type(property, "logicalType", what, problems);
    Node requiredNode = property.get("required");
    Boolean requiredValue = property.bool("required");
    boolean required = Boolean.TRUE.equals(requiredValue);
    boolean primaryKey = Boolean.TRUE.equals(property.bool("primaryKey"));
    Integer position = property.positiveInteger("primaryKeyPosition");
    FieldConstraintsReader constraints = new FieldConstraintsReader(what, type, required, problems);
    constraints.readOptions(property.get("logicalTypeOptions"));
    constraints.readCustom(property.customProperties(List.of("nullAs", "allowedValues")));
    if (name == null) {
      return;
    }
    if (primaryKey) {
      key.add(new KeyPart(name, position, item));
      if (!required) {
        problems.add(
            item, "'required' of " + what, "nothing or false", "true, as it is in the key");
      }
    }
    fieldTypes.putIfAbsent(name, Optional.ofNullable(type));
    if (type != null) {
      fields.add(constraints.toField(name, type));
    }
  }

  private void checkColumnName(YamlObject owner, @Nullable String name, Set<String> names) {
    Node node = owner.get("name");
    if (name == null || node == null) {
      return;
    }
    String lowerCase = name.toLowerCase(Locale.ROOT);
    if (name.startsWith("_") || RESERVED_COLUMNS.contains(lowerCase)) {
      problems.add(node, "column name", "a name that Highwater does not use itself");
    } else if (!COLUMN_NAME.matcher(name).matches()) {
      problems.add(node, "column name", "a letter, then letters, digits and '_'");
    } else if (!names.add(lowerCase)) {
      problems.add(node, "column name", "each name once, whatever its case, as in SQL");
    }
  }

  static @Nullable FieldType type(
      YamlObject owner, String key, String what, ContractProblems problems) {
    Node node = owner.require(key, "one of " + typeNames());
    String text = YamlObject.text(node, "'" + key + "' of " + what, problems);
    if (node == null || text == null) {
      return null;
    }
    for (FieldType type : FieldType.values()) {
      if (type.logicalType().equals(text)) {
        return type;
      }
    }
    boolean standard = List.of("object", "array", "date", "time").contains(text);
    problems.add(
        node,
        "'" + key + "' of " + what,
        text,
        "one of " + typeNames() + (standard ? "; " + text + " is not supported yet" : ""));
    return null;
  }

  private static String typeNames() {
    List<String> names = new ArrayList<>();
    for (FieldType type : FieldType.values()) {
      names.add(type.logicalType());
    }
    return String.join(", ", names);
  }

  private void readRule(Node item) {
    YamlObject rule =
        YamlObject.read(
            item,
            "a quality rule",
            List.of(
                "type",
                "engine",
                "name",
                "description",
                "implementation",
                "dimension",
                "severity",
                "businessImpact",
                "tags"),
            List.of(),
            problems);
    if (rule == null) {
      return;
    }
    requireConstant(rule, "type", "custom");
    requireConstant(rule, "engine", "highwater");
    String name = rule.requireText("name");
    String reason = rule.requireText("description");
    Node sqlNode = rule.require("implementation", "an SQL condition");
    String sql = expressions.read(sqlNode, "'implementation' of " + rule.what(), FieldType.BOOLEAN);
    if (name != null && rules.stream().anyMatch(other -> other.name().equals(name))) {
      problems.add(item, "name of a quality rule", name, "each name once");
    }
    if (name != null && reason != null && sql != null) {
      rules.add(new RowRule(name, sql, reason.strip()));
    }
  }

  private void readDerivedColumns(@Nullable Node node) {
    Set<String> names = new HashSet<>();
    fieldTypes.keySet().forEach(name -> names.add(name.toLowerCase(Locale.ROOT)));
    for (Node item : YamlObject.list(node, "derivedColumns", problems)) {
      YamlObject column =
          YamlObject.read(
              item,
              "a derived column",
              List.of("name", "type", "sql", "description"),
              List.of(),
              problems);
      if (column == null) {
        continue;
      }
      String name = column.requireText("name");
      String what = column.what();
      checkColumnName(column, name, names);
      FieldType type = type(column, "type", what, problems);
      String sql =
          expressions.read(column.require("sql", "an SQL expression"), "'sql' of " + what, type);
      if (name != null) {
        columnTypes.putIfAbsent(name, Optional.ofNullable(type));
      }
      if (name != null && type != null && sql != null) {
        derived.add(new DerivedColumn(name, type, sql));
      }
    }
  }

  private @Nullable String readEventTime(YamlObject document, Map<String, Node> properties) {
    Node node = requireProperty(document, properties, "eventTime", "the name of a timestamp field");
    String name = YamlObject.text(node, "eventTime", problems);
    if (node == null || name == null) {
      return null;
    }
    Optional<FieldType> type = fieldTypes.get(name);
    if (type == null) {
      problems.add(
          node, "eventTime", "a field of the schema: " + String.join(", ", fieldTypes.keySet()));
    } else if (type.isPresent() && type.get() != FieldType.TIMESTAMP) {
      problems.add(
          node,
          "eventTime",
          name + ", a field of type " + type.get().logicalType(),
          "a timestamp field");
    } else if (fields.stream().anyMatch(field -> field.name().equals(name) && !field.required())) {
      problems.add(
          node, "eventTime", name + ", a field that may be missing", "a field with required: true");
    }
    return name;
  }

  private @Nullable Duration duration(@Nullable Node node, String what, Duration minimum) {
    return duration(node, what, minimum, problems);
  }

  /** An ISO 8601 duration from {@code minimum} to 31 days. */
  static @Nullable Duration duration(
      @Nullable Node node, String what, Duration minimum, ContractProblems problems) {
    String text = YamlObject.text(node, what, problems);
    if (node == null || text == null) {
      return null;
    }
    String expected =
        "an ISO 8601 duration from "
            + minimum
            + " to P"
            + MAX_DURATION.toDays()
            + "D, such as PT10S";
    try {
      Duration duration = Duration.parse(text);
      if (duration.compareTo(minimum) >= 0 && duration.compareTo(MAX_DURATION) <= 0) {
        return duration;
      }
    } catch (DateTimeParseException e) {
      // Reported with the durations outside the range below.
    }
    problems.add(node, what, expected);
    return null;
  }
}
