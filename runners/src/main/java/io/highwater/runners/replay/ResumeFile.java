package io.highwater.runners.replay;

import io.highwater.runners.CommandFailedException;
import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Properties;

/** How many messages of which files were sent to which topic, in a small file. */
final class ResumeFile {
  private final Path file;
  private final String input;
  private long sent;

  private ResumeFile(Path file, String input, long sent) {
    this.file = file;
    this.input = input;
    this.sent = sent;
  }

  /**
   * @throws CommandFailedException where the file is of other input or another topic
   */
  static ResumeFile open(Path file, List<Path> inputs, String topic)
      throws IOException, CommandFailedException {
    StringBuilder input = new StringBuilder("topic ").append(topic);
    for (Path path : inputs) {
      input
          .append(", ")
          .append(path.getFileName())
          .append(' ')
          .append(Files.size(path))
          .append(" bytes");
    }
    if (!Files.exists(file)) {
      return new ResumeFile(file, input.toString(), 0);
    }
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    }
    if (!input.toString().equals(properties.getProperty("input"))) {
      throw new CommandFailedException(
          "--resume=%s is of another replay (%s); delete it to start over"
              .formatted(file, properties.getProperty("input")));
    }
    try {
      return new ResumeFile(
          file, input.toString(), Long.parseLong(properties.getProperty("sent", "")));
    } catch (NumberFormatException e) {
      throw new CommandFailedException(
          "--resume=%s holds no number of records sent; delete it to start over".formatted(file),
          e);
    }
  }

  long sent() {
    return sent;
  }

  void write(long nowSent) throws IOException {
    sent = nowSent;
    Properties properties = new Properties();
    properties.setProperty("input", input);
    properties.setProperty("sent", Long.toString(nowSent));
    Path unfinished = file.resolveSibling("." + file.getFileName() + ".unfinished");
    try (Writer writer = Files.newBufferedWriter(unfinished)) {
      properties.store(writer, null);
    }
    Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
  }
}
