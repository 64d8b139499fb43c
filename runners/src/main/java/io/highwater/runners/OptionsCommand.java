package io.highwater.runners;

import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * A command whose options are the annotated fields of a picocli class. Wrong usage is one line on
 * standard error: the option, its value, and what was expected.
 */
public final class OptionsCommand implements Command {
  private static final Map<Class<?>, String> EXPECTED =
      Map.of(
          int.class, "a whole number",
          Integer.class, "a whole number",
          long.class, "a whole number",
          double.class, "a number",
          Instant.class, "a time such as 2024-03-01T00:00:00Z");

  private static final int USAGE_WIDTH = 100;

  private final Supplier<? extends Callable<Integer>> command;

  private OptionsCommand(Supplier<? extends Callable<Integer>> command) {
    this.command = command;
  }

  /**
   * @param command makes an instance whose fields receive the options; its {@code call} returns the
   *     exit code
   */
  public static Command of(Supplier<? extends Callable<Integer>> command) {
    return new OptionsCommand(command);
  }

  @Override
  public int run(String[] arguments) throws Exception {
    Callable<Integer> options = command.get();
    CommandLine line = new CommandLine(options);
    line.setUsageHelpWidth(USAGE_WIDTH);
    line.registerConverter(Instant.class, OptionsCommand::parseInstant);
    String name = line.getCommandName();
    try {
      line.parseArgs(arguments);
      if (line.isUsageHelpRequested()) {
        line.usage(System.out);
        return DONE;
      }
      return options.call();
    } catch (ParameterException e) {
      System.err.printf("%s: %s (see %s --help)%n", name, explain(e), name);
      return WRONG_USAGE;
    }
  }

  /**
   * @throws ParameterException where {@code value} is not from {@code least} to {@code greatest}
   */
  public static void requireBetween(
      Callable<Integer> command, String option, double value, double least, double greatest) {
    if (!(value >= least && value <= greatest)) {
      throw wrong(
          command,
          option,
          number(value),
          "a number from " + number(least) + " to " + number(greatest));
    }
  }

  /** The exception that ends a command with one line about a wrong value. */
  public static ParameterException wrong(
      Callable<Integer> command, String option, Object value, String expected) {
    return new ParameterException(
        new CommandLine(command), option + "=" + value + ": expected " + expected);
  }

  private static String number(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }

  private static Instant parseInstant(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new TypeConversionException("not a time");
    }
  }

  private static String explain(ParameterException failure) {
    if (failure instanceof UnmatchedArgumentException unmatched) {
      String argument = unmatched.getUnmatched().get(0);
      List<String> suggestions = unmatched.getSuggestions();
      return suggestions.isEmpty()
          ? "unknown option '" + argument + "'"
          : "unknown option '" + argument + "'; did you mean " + suggestions.get(0) + "?";
    }
    @Nullable String value = failure.getValue();
    if (failure.getArgSpec() instanceof OptionSpec option && value != null) {
      String expected =
          EXPECTED.getOrDefault(option.type(), "a value of type " + option.type().getSimpleName());
      return option.longestName() + "=" + value + ": expected " + expected;
    }
    return String.valueOf(failure.getMessage());
  }
}
