package io.highwater.runners.replay;

import java.io.Closeable;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Messages in the order of {@link TimedMessage#ORDER}, or of their file before sorting. */
interface MessageSource extends Closeable {
  /** The next message, or null at the end. */
  @Nullable TimedMessage next() throws IOException;
}
