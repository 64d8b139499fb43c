package io.highwater.dashboard;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Reads server-sent events as a browser does. */
final class EventStream implements AutoCloseable {
  private final BufferedReader lines;

  /**
   * An event.
   *
   * @param id null where it has none
   */
  record Event(@Nullable String id, String name, String data) {}

  EventStream(InputStream in) {
    lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
  }

  /** The next event; null at the end of the stream. */
  @Nullable Event next() throws IOException {
    String id = null;
    String name = "message";
    String data = null;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (line.isEmpty()) {
        if (data != null) {
          return new Event(id, name, data);
        }
      } else if (line.startsWith("id: ")) {
        id = line.substring(4);
      } else if (line.startsWith("event: ")) {
        name = line.substring(7);
      } else if (line.startsWith("data: ")) {
        data = data == null ? line.substring(6) : data + "\n" + line.substring(6);
      }
    }
    return null;
  }

  /** The next event of this name. */
  Event next(String name) throws IOException {
    Event event = next();
    while (event != null && !event.name().equals(name)) {
      event = next();
    }
    if (event == null) {
      throw new IOException("the stream has ended before an event " + name);
    }
    return event;
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
