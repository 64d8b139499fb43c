package io.highwater.contract;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/** Reads the parameters and the SQL expressions of a contract. */
final class ExpressionReader {
  private static final Pattern PARAMETER_NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_]*");
  private static final Pattern PARAMETER_REFERENCE = Pattern.compile("\\$\\{([^}]*)}");

  private final ContractProblems problems;
  private final Map<String, String> parameters;
  private final List<Expression> expressions = new ArrayList<>();

  private record Expression(
      Node node, String what, String sql, FieldType type, @Nullable String column) {}

  ExpressionReader(ContractProblems problems) {
    this(problems, new LinkedHashMap<>());
  }

  private ExpressionReader(ContractProblems problems, Map<String, String> parameters) {
    this.problems = problems;
    this.parameters = parameters;
  }

  /** For expressions over other columns, with the same parameters. */
  ExpressionReader ofOtherColumns() {
    return new ExpressionReader(problems, parameters);
  }

  void readParameters(@Nullable Node node) {
    for (Node item : YamlObject.list(node, "parameters", problems)) {
      YamlObject parameter =
          YamlObject.read(
              item, "a parameter", List.of("name", "value", "source"), List.of(), problems);
      if (parameter == null) {
        continue;
      }
      String name = parameter.requireText("name");
      String what = parameter.what();
      Node value = parameter.require("value", "a number");
      Double number = YamlObject.number(value, "'value' of " + what, problems);
      parameter.requireText("source");
      if (name == null || value == null) {
        continue;
      }
      if (!PARAMETER_NAME.matcher(name).matches()) {
        problems.add(item, "name of a parameter", name, "a letter, then letters, digits and '_'");
      }
      // Where the number is wrong, 0 stands in, so that references to it are not reported as well.
      String sql = number == null ? "0" : sqlNumber(((ScalarNode) value).getValue());
      if (parameters.putIfAbsent(name, sql) != null) {
        problems.add(item, "name of a parameter", name, "each name once");
      }
    }
  }

  /** As written, without an exponent; in parentheses below zero, where x -${y} would be x --1. */
  private static String sqlNumber(String yamlNumber) {
    BigDecimal number = new BigDecimal(yamlNumber);
    return number.signum() < 0 ? "(" + number.toPlainString() + ")" : number.toPlainString();
  }

  /** The expression with its parameters filled in; checked later, when all columns are known. */
  @Nullable String read(@Nullable Node node, String what, @Nullable FieldType type) {
    return read(node, what, type, null);
  }

  /**
   * @param column the name by which the expressions after this one may use its value; null for none
   */
  @Nullable String read(
      @Nullable Node node, String what, @Nullable FieldType type, @Nullable String column) {
    String text = YamlObject.text(node, what, problems);
    if (node == null || text == null) {
      return null;
    }
    boolean complete = true;
    Matcher matcher = PARAMETER_REFERENCE.matcher(text);
    StringBuilder sql = new StringBuilder();
    while (matcher.find()) {
      String number = parameters.get(matcher.group(1));
      if (number == null) {
        complete = false;
        problems.add(
            node,
            "parameter in " + what,
            matcher.group(),
            parameters.isEmpty()
                ? "none, as the contract has no parameters"
                : "one of " + String.join(", ", parameters.keySet()));
      }
      matcher.appendReplacement(sql, number == null ? "0" : Matcher.quoteReplacement(number));
    }
    matcher.appendTail(sql);
    if (complete && type != null) {
      expressions.add(new Expression(node, what, sql.toString(), type, column));
    }
    return sql.toString().strip();
  }

  /**
   * @param fieldTypes without a type where that could not be read
   */
  void check(Map<String, Optional<FieldType>> fieldTypes) {
    if (expressions.isEmpty()) {
      return;
    }
    try (SqlCheck check = SqlCheck.open(fieldTypes)) {
      for (Expression expression : expressions) {
        try {
          check.check(expression.sql, expression.type);
        } catch (InvalidSqlException e) {
          problems.add(
              expression.node,
              expression.what,
              ContractProblems.shorten(expression.sql),
              "a row-level, deterministic SQL expression: " + e.getMessage());
        }
        if (expression.column != null) {
          check.add(expression.column, expression.type);
        }
      }
    }
  }
}
