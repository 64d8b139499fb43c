package io.highwater.contract;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.duckdb.DuckDBConnection;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether a contract may use an SQL expression: its value must follow from the fields of
 * one row alone, every time the same. It looks at the expression as DuckDB parses it, so that
 * nothing depends on how it is written.
 */
public final class SqlCheck implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What a row-level expression consists of, in DuckDB's words; all else is refused. */
  private static final Set<String> ALLOWED_CLASSES =
      Set.of(
          "BETWEEN",
          "CASE",
          "CAST",
          "COLUMN_REF",
          "COMPARISON",
          "CONJUNCTION",
          "CONSTANT",
          "FUNCTION",
          "OPERATOR",
          "TYPE");

  private static final Map<String, String> CLASS_NAMES =
      Map.of(
          "SUBQUERY", "a subquery",
          "WINDOW", "a window function",
          "STAR", "a star",
          "PARAMETER", "a parameter of a prepared statement",
          "LAMBDA", "a lambda",
          "POSITIONAL_REFERENCE", "a column by its position",
          "DEFAULT", "DEFAULT",
          "COLLATE", "a collation");

  /**
   * They read the clock, though DuckDB's catalog calls them consistent; of age, it is the form with
   * one argument.
   */
  private static final Set<String> CLOCK_FUNCTIONS =
      Set.of("age", "current_localtime", "current_localtimestamp");

  private static final Set<String> INTEGER_TYPES =
      Set.of("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER");

  private final DuckDBConnection connection;
  private final Map<String, Optional<FieldType>> columns = new LinkedHashMap<>();
  private final Map<String, Set<String>> namesInLowerCase = new LinkedHashMap<>();

  /** Functions that were found to be allowed: one look into DuckDB's catalog takes 15 ms. */
  private final Set<String> allowedFunctions = new HashSet<>();

  private SqlCheck(Map<String, Optional<FieldType>> columns) throws SQLException {
    this.columns.putAll(columns);
    connection = SqlSandbox.open();
    List<String> definitions = new ArrayList<>();
    columns.forEach(
        (name, type) -> {
          Set<String> names =
              namesInLowerCase.computeIfAbsent(
                  name.toLowerCase(Locale.ROOT), lowerCase -> new LinkedHashSet<>());
          // Of names that differ in case alone, which the loader reports, SQL can hold one.
          if (names.add(name) && names.size() == 1 && type.isPresent()) {
            definitions.add(quote(name) + " " + type.get().sqlType());
          }
        });
    // A table needs a column; no expression can name this one, as the loader refuses underscores.
    definitions.add("_none BOOLEAN");
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE batch (" + String.join(", ", definitions) + ")");
    } catch (SQLException e) {
      connection.close();
      throw e;
    }
  }

  /**
   * @param columns that expressions may name; without a type where it is not known, which leaves
   *     the types of expressions over them unchecked
   */
  static SqlCheck open(Map<String, Optional<FieldType>> columns) {
    try {
      return new SqlCheck(columns);
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB cannot hold the columns: " + e.getMessage(), e);
    }
  }

  /** A check over these columns. */
  public static SqlCheck of(Map<String, FieldType> columns) {
    Map<String, Optional<FieldType>> known = new LinkedHashMap<>();
    columns.forEach((name, type) -> known.put(name, Optional.of(type)));
    return open(known);
  }

  /** A check over the fields of {@code contract}. */
  public static SqlCheck of(Contract contract) {
    Map<String, FieldType> columns = new LinkedHashMap<>();
    for (Field field : contract.fields()) {
      columns.put(field.name(), field.type());
    }
    return of(columns);
  }

  /** Lets the expressions after this name one column more. */
  public void add(String column, FieldType type) {
    if (namesInLowerCase.putIfAbsent(column.toLowerCase(Locale.ROOT), Set.of(column)) != null) {
      return; // Two columns of one name, which the loader reports.
    }
    columns.put(column, Optional.of(type));
    try (Statement statement = connection.createStatement()) {
      statement.execute("ALTER TABLE batch ADD COLUMN " + quote(column) + " " + type.sqlType());
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB cannot hold the columns: " + e.getMessage(), e);
    }
  }

  /**
   * @param sql an expression without parameters of the contract
   * @param declared its type must be this one, or a number that becomes it without loss
   * @return the columns that it names
   * @throws InvalidSqlException if it is not allowed, does not compile or has another type
   */
  public Set<String> check(String sql, FieldType declared) throws InvalidSqlException {
    try {
      Set<String> named = new LinkedHashSet<>();
      collect(parse(sql), Set.of(), named);
      if (named.stream()
          .allMatch(name -> columns.getOrDefault(name, Optional.empty()).isPresent())) {
        checkType(sql, declared);
      }
      return named;
    } catch (SQLException e) {
      throw new InvalidSqlException(firstLine(e));
    }
  }

  /** The tree of the expression. Parentheses and a new line keep it from being more than one. */
  private JsonNode parse(String sql) throws SQLException, InvalidSqlException {
    JsonNode document;
    try (PreparedStatement statement =
        connection.prepareStatement("SELECT json_serialize_sql(?::VARCHAR)")) {
      statement.setString(1, "SELECT (" + sql + "\n)");
      try (ResultSet result = statement.executeQuery()) {
        result.next();
        document = JSON.readTree(result.getString(1));
      }
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("DuckDB's json_serialize_sql gave no JSON", e);
    }
    if (document.path("error").asBoolean()) {
      throw new InvalidSqlException(document.path("error_message").asText());
    }
    JsonNode statements = document.path("statements");
    JsonNode select = statements.path(0).path("node");
    JsonNode expression = select.path("select_list").path(0);
    boolean single =
        statements.size() == 1
            && select.path("type").asText().equals("SELECT_NODE")
            && select.path("select_list").size() == 1
            && select.path("from_table").path("type").asText().equals("EMPTY")
            && select.path("modifiers").isEmpty()
            && select.path("cte_map").path("map").isEmpty()
            && select.path("group_expressions").isEmpty()
            && select.path("where_clause").isNull()
            && select.path("having").isNull()
            && select.path("qualify").isNull()
            && select.path("sample").isNull()
            && expression.path("alias").asText().isEmpty();
    if (!single) {
      throw new InvalidSqlException("not one expression but a larger part of a query");
    }
    return expression;
  }

  /**
   * Adds to {@code named} the columns in a tree.
   *
   * @param locals names that are not columns: the parameters of a macro
   */
  private void collect(JsonNode node, Set<String> locals, Set<String> named)
      throws SQLException, InvalidSqlException {
    JsonNode kind = node.get("class");
    if (kind != null) {
      String name = kind.asText();
      if (!ALLOWED_CLASSES.contains(name)) {
        throw new InvalidSqlException(
            CLASS_NAMES.getOrDefault(name, "a construct of the kind " + name)
                + " is not allowed: the value must follow from the fields of one row");
      }
      if (name.equals("COLUMN_REF")) {
        collectColumn(node.path("column_names"), locals, named);
      } else if (name.equals("FUNCTION")) {
        checkFunction(node, locals);
      }
    }
    for (JsonNode child : node) {
      collect(child, locals, named);
    }
  }

  private void collectColumn(JsonNode path, Set<String> locals, Set<String> named)
      throws InvalidSqlException {
    String last = path.path(path.size() - 1).asText();
    String lowerCase = last.toLowerCase(Locale.ROOT);
    if (path.size() == 1 && locals.contains(lowerCase)) {
      return;
    }
    Set<String> known = namesInLowerCase.get(lowerCase);
    if (path.size() != 1 || known == null) {
      List<String> parts = new ArrayList<>();
      path.forEach(part -> parts.add(part.asText()));
      throw new InvalidSqlException(
          "no field is named " + String.join(".", parts) + ": expressions see fields alone");
    }
    named.addAll(known);
  }

  private void checkFunction(JsonNode node, Set<String> locals)
      throws SQLException, InvalidSqlException {
    String name = node.path("function_name").asText().toLowerCase(Locale.ROOT);
    int arguments = node.path("arguments").size();
    if (CLOCK_FUNCTIONS.contains(name) && arguments < 2) {
      throw new InvalidSqlException("the function " + name + " depends on the clock");
    }
    if (allowedFunctions.contains(name)) {
      return;
    }
    boolean found = false;
    String query =
        "SELECT DISTINCT function_type, stability, macro_definition,"
            + " array_to_string(parameters, ',') FROM duckdb_functions() WHERE function_name = ?"
            // Functions of the FROM clause and of PRAGMA share names with those of expressions.
            + " AND function_type NOT IN ('table', 'table_macro', 'pragma')";
    try (PreparedStatement statement = connection.prepareStatement(query)) {
      statement.setString(1, name);
      try (ResultSet result = statement.executeQuery()) {
        while (result.next()) {
          found = true;
          checkOverload(name, result, locals);
        }
      }
    }
    if (!found) {
      throw new InvalidSqlException("there is no function " + name + " for expressions");
    }
    allowedFunctions.add(name);
  }

  private void checkOverload(String name, ResultSet overload, Set<String> locals)
      throws SQLException, InvalidSqlException {
    String type = overload.getString(1);
    if (type.equals("scalar")) {
      if (!"CONSISTENT".equals(overload.getString(2))) {
        throw new InvalidSqlException(
            "the function " + name + " does not always give the same result for the same row");
      }
    } else if (type.equals("macro") && locals.isEmpty()) {
      // One level of macros, as DuckDB has some that call themselves.
      Set<String> parameters =
          Set.of(overload.getString(4).toLowerCase(Locale.ROOT).split(",", -1));
      try {
        collect(parse(overload.getString(3)), parameters, new LinkedHashSet<>());
      } catch (InvalidSqlException e) {
        throw new InvalidSqlException("the function " + name + ": " + e.getMessage());
      }
    } else {
      throw new InvalidSqlException(
          "the function " + name + " takes several rows, and an expression sees one");
    }
  }

  private void checkType(String sql, FieldType declared) throws SQLException, InvalidSqlException {
    try (PreparedStatement statement =
            connection.prepareStatement("SELECT (" + sql + "\n) FROM batch");
        ResultSet result = statement.executeQuery()) {
      String type = result.getMetaData().getColumnTypeName(1);
      if (!converts(type, declared)) {
        throw new InvalidSqlException(
            "its type is "
                + type
                + ", which is no "
                + declared.logicalType()
                + " ("
                + declared.sqlType()
                + ")");
      }
    }
  }

  private static boolean converts(String type, FieldType declared) {
    return switch (declared) {
      case INTEGER -> INTEGER_TYPES.contains(type);
      case NUMBER ->
          INTEGER_TYPES.contains(type)
              || type.equals("DOUBLE")
              || type.equals("FLOAT")
              || type.startsWith("DECIMAL");
      case BOOLEAN -> type.equals("BOOLEAN");
      case STRING -> type.equals("VARCHAR");
      case TIMESTAMP -> type.equals("TIMESTAMP") || type.equals("DATE");
    };
  }

  /** {@code name} as an SQL identifier. */
  public static String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  private static String firstLine(SQLException e) {
    @Nullable String message = e.getMessage();
    return message == null ? e.toString() : message.lines().findFirst().orElse(message);
  }

  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB cannot be closed: " + e.getMessage(), e);
    }
  }
}
