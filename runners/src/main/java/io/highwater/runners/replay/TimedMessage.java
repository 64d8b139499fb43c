package io.highwater.runners.replay;

import java.util.Comparator;

/**
 * A message with its place in the replay.
 *
 * @param eventMicros since the epoch; of a message without a readable event time, that of the
 *     message before it
 * @param sequence the message's place among all messages of all files; breaks ties, so that equal
 *     times keep the order of the files
 * @param value the bytes to send
 */
record TimedMessage(long eventMicros, long sequence, byte[] value) {
  static final Comparator<TimedMessage> ORDER =
      Comparator.comparingLong(TimedMessage::eventMicros).thenComparingLong(TimedMessage::sequence);
}
