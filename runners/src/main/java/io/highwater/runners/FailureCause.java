package io.highwater.runners;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.util.ExceptionUtils;

/** The one line of a stack trace that a person can act on. */
final class FailureCause {
  /** Our own exceptions say what and where; behind them stands only how. */
  private static final Pattern OURS =
      Pattern.compile("^(?:Caused by: )?io\\.highwater\\.[\\w.$]+: (.*)$", Pattern.MULTILINE);

  private static final Pattern CAUSE = Pattern.compile("^Caused by: (.*)$", Pattern.MULTILINE);
  private static final Pattern CLASS_NAME =
      Pattern.compile("^(?:[a-z]\\w*\\.)+([A-Z]\\w*(?:\\$\\w+)*)");

  private static final Pattern CLASS_NAME_FIRST =
      Pattern.compile("(?:[a-z]\\w*\\.)*[A-Z]\\w*(?:Exception|Error): ");

  private FailureCause() {}

  static String of(Throwable failure) {
    return of(ExceptionUtils.stringifyException(failure));
  }

  /**
   * Our own message where the trace has one, else that of the deepest cause and, as that may lack
   * what it is about, the one before it.
   */
  static String of(String stackTrace) {
    Matcher ours = OURS.matcher(stackTrace.strip());
    if (ours.find()) {
      return ours.group(1);
    }
    String first = stackTrace.strip().lines().findFirst().orElse("unknown");
    List<String> causes = CAUSE.matcher(stackTrace).results().map(cause -> cause.group(1)).toList();
    if (causes.isEmpty()) {
      return withoutPackage(first);
    }
    String deepest = withoutPackage(causes.get(causes.size() - 1));
    String before = withoutPackage(causes.size() == 1 ? first : causes.get(causes.size() - 2));
    String message = messageOf(deepest);
    if (!before.endsWith(message)) {
      return deepest + " (" + before + ")";
    }
    // It may say more: which file, say.
    String beforeMessage = messageOf(before);
    return beforeMessage.equals(message) ? deepest : before;
  }

  private static String messageOf(String exception) {
    String message = exception;
    while (CLASS_NAME_FIRST.matcher(message).lookingAt()) {
      message = message.substring(message.indexOf(": ") + 2);
    }
    return message;
  }

  private static String withoutPackage(String exception) {
    return CLASS_NAME.matcher(exception).replaceFirst("$1");
  }
}
