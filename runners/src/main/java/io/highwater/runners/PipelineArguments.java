package io.highwater.runners;

import io.highwater.pipelines.UsageException;
import java.beans.Introspector;
import java.io.PrintStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.options.Validation;

/** A command line in Beam's option style, with our defaults where the user gives none. */
final class PipelineArguments {
  private PipelineArguments() {}

  static boolean asksForHelp(String[] arguments) {
    return Arrays.stream(arguments)
        .anyMatch(argument -> argument.equals("--help") || argument.equals("-h"));
  }

  /**
   * @param defaults by option name; what the user gives comes first
   * @throws UsageException in one line that names the option
   */
  static <T extends PipelineOptions> T parse(
      String[] arguments, Map<String, String> defaults, Class<T> type) {
    List<String> all = new ArrayList<>(List.of(arguments));
    for (String argument : arguments) {
      if (!argument.startsWith("--")) {
        throw new UsageException("'" + argument + "' is no option; expected --name=value");
      }
    }
    defaults.forEach(
        (name, value) -> {
          if (all.stream()
              .noneMatch(
                  argument ->
                      argument.equals("--" + name) || argument.startsWith("--" + name + "="))) {
            all.add("--" + name + "=" + value);
          }
        });
    PipelineOptionsFactory.register(type);
    try {
      return PipelineOptionsFactory.fromArgs(all.toArray(String[]::new)).withValidation().as(type);
    } catch (IllegalArgumentException e) {
      throw new UsageException(oneLine(String.valueOf(e.getMessage())));
    }
  }

  /** Beam speaks of its interfaces; the user knows options. */
  private static String oneLine(String message) {
    return message
        .replaceAll("\\s+", " ")
        .replaceAll(
            "Class (interface )?\\S+ missing a property named '(\\w+)'", "There is no option --$2")
        .replaceAll("Missing required value for \\[(--\\w+), \"(.*?)\"\\]", "$1 is missing: $2")
        .trim();
  }

  /** The options that {@code type} and its parents declare, down to {@code root}. */
  static void printOptions(Class<?> type, Class<?> root, PrintStream out) {
    Arrays.stream(type.getMethods())
        .filter(method -> root.isAssignableFrom(method.getDeclaringClass()))
        .filter(method -> method.getName().startsWith("get") && method.getParameterCount() == 0)
        .filter(method -> method.isAnnotationPresent(Description.class))
        .sorted(
            Comparator.comparing((Method method) -> !isRequired(method))
                .thenComparing(Method::getName))
        .forEach(
            method -> {
              out.println("  --" + Introspector.decapitalize(method.getName().substring(3)) + "=…");
              out.println("      " + describe(method));
            });
  }

  private static boolean isRequired(Method method) {
    return method.isAnnotationPresent(Validation.Required.class);
  }

  private static String describe(Method method) {
    Description description = method.getAnnotation(Description.class);
    String text = description == null ? "" : description.value();
    if (isRequired(method)) {
      return text + " Required.";
    }
    Annotation byDefault = method.getAnnotation(Default.String.class);
    return byDefault == null
        ? text
        : text + " Default: " + ((Default.String) byDefault).value() + ".";
  }
}
