package io.highwater.trainer;

import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Checked events with their derived columns, each once, as a training reads them: by the hour. */
public interface EventHistory {
  /** The hours (since the epoch, of event time) that have events, ascending. */
  List<Long> hours();

  /**
   * Hands all events of some hours over, the hours in their order, within an hour in any order. A
   * batch is the history's, and there until the call returns.
   *
   * @param toHour is not read
   * @throws IOException where an event cannot be read, in one line that names its file
   */
  void read(long fromHour, long toHour, Consumer<VectorSchemaRoot> consumer) throws IOException;
}
