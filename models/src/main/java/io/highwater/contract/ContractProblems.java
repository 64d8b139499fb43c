package io.highwater.contract;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** What is wrong with one contract file, gathered while it is read. */
final class ContractProblems {
  private static final int MAX_VALUE_LENGTH = 80;

  private record Problem(int line, int column, String text) {}

  private final String fileName;
  private final List<Problem> problems = new ArrayList<>();

  ContractProblems(String fileName) {
    this.fileName = fileName;
  }

  /** The value of {@code node} is not what was expected. */
  void add(Node node, String what, String expected) {
    add(node, what, valueOf(node), expected);
  }

  void add(Node node, String what, String found, String expected) {
    // compose() marks every node unless marks are switched off.
    Mark mark = node.getStartMark().orElseThrow();
    add(
        mark.getLine() + 1,
        mark.getColumn() + 1,
        what + ", found " + found + ", expected " + expected);
  }

  /**
   * @param line counted from 1
   * @param column counted from 1
   */
  void add(int line, int column, String text) {
    problems.add(new Problem(line, column, text));
  }

  boolean isEmpty() {
    return problems.isEmpty();
  }

  InvalidContractException toException() {
    List<String> lines = new ArrayList<>();
    problems.stream()
        .sorted(Comparator.comparingInt(Problem::line).thenComparingInt(Problem::column))
        .forEach(
            problem ->
                lines.add(
                    fileName + ":" + problem.line + ":" + problem.column + ": " + problem.text));
    return new InvalidContractException(lines);
  }

  private static String valueOf(Node node) {
    if (node instanceof ScalarNode scalar) {
      if (scalar.getTag().equals(Tag.NULL)) {
        return "nothing";
      }
      return shorten(scalar.getValue());
    }
    return node instanceof SequenceNode ? "a list" : "an object";
  }

  /** One line, at most {@value #MAX_VALUE_LENGTH} characters. */
  static String shorten(String value) {
    String line = value.strip().replaceAll("\\s+", " ");
    return line.length() > MAX_VALUE_LENGTH ? line.substring(0, MAX_VALUE_LENGTH) + "…" : line;
  }
}
