package io.highwater.transforms;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What the readers of one topic in this JVM know together: how far event time has come on the whole
 * topic and since when all of it is idle. KafkaIO's timestamp policy sees one partition alone, and
 * no partition by itself can tell "quiet here" from "quiet everywhere".
 *
 * <p>Thread-safe: readers run on several threads.
 */
final class TopicClock {
  private static final Map<String, TopicClock> CLOCKS = new ConcurrentHashMap<>();

  private final Map<Integer, Partition> partitions = new ConcurrentHashMap<>();

  private TopicClock() {}

  /**
   * @param name the run and its topic; two runs in one JVM do not share a clock
   */
  static TopicClock named(String name) {
    return CLOCKS.computeIfAbsent(name, unused -> new TopicClock());
  }

  /** The state of one partition, replaced when its reader starts again. */
  Partition register(int partition, long nowMillis) {
    Partition state = new Partition(nowMillis);
    partitions.put(partition, state);
    return state;
  }

  /** The greatest event time seen on the topic, or {@link Long#MIN_VALUE} before any. */
  long greatestEventMillis() {
    long greatest = Long.MIN_VALUE;
    for (Partition partition : partitions.values()) {
      greatest = Math.max(greatest, partition.greatestEventMillis);
    }
    return greatest;
  }

  /**
   * Since when every partition has had nothing to read, in wall-clock milliseconds, or {@link
   * Long#MAX_VALUE} while one of them has.
   */
  long allIdleSinceMillis(int partitionCount) {
    if (partitions.size() < partitionCount) {
      return Long.MAX_VALUE;
    }
    long since = Long.MIN_VALUE;
    for (Partition partition : partitions.values()) {
      since = Math.max(since, partition.idleSinceMillis);
    }
    return since;
  }

  /** Written by the thread of its reader, read by all. */
  static final class Partition {
    private volatile long greatestEventMillis = Long.MIN_VALUE;
    private volatile long idleSinceMillis = Long.MAX_VALUE;
    private volatile long lastReadMillis;

    private Partition(long nowMillis) {
      lastReadMillis = nowMillis;
    }

    /** One that belongs to no topic and has nothing to read, ever. */
    static Partition alwaysIdle() {
      Partition partition = new Partition(0);
      partition.idleSinceMillis = 0;
      return partition;
    }

    /** Takes how far event time had come before a restart. */
    void resume(long eventMillis) {
      greatestEventMillis = eventMillis;
    }

    void read(long eventMillis, long nowMillis) {
      if (eventMillis > greatestEventMillis) {
        greatestEventMillis = eventMillis;
      }
      lastReadMillis = nowMillis;
      idleSinceMillis = Long.MAX_VALUE;
    }

    long greatestEventMillis() {
      return greatestEventMillis;
    }

    /**
     * Takes what the broker says of the backlog.
     *
     * @param messages -1 where the broker did not answer: a topic that cannot be asked is not idle
     * @param checkedMillis when the broker was asked; an answer from before the last record was
     *     read says nothing about now
     */
    void observeBacklog(long messages, long checkedMillis) {
      if (messages != 0) {
        idleSinceMillis = Long.MAX_VALUE;
        if (messages < 0) {
          lastReadMillis = Math.max(lastReadMillis, checkedMillis);
        }
      } else if (checkedMillis >= lastReadMillis && idleSinceMillis == Long.MAX_VALUE) {
        idleSinceMillis = lastReadMillis;
      }
    }

    long idleSinceMillis() {
      return idleSinceMillis;
    }
  }
}
