package io.highwater.broker;

import java.nio.file.Path;
import java.util.Properties;

/** What a single-node Kafka (broker and controller in one process) is started with. */
final class BrokerSettings {
  static final int NODE_ID = 1;
  static final String CONTROLLER_LISTENER = "CONTROLLER";

  private BrokerSettings() {}

  /**
   * @param controllerPort any free port; only this process talks to it, so it may differ from start
   *     to start
   */
  static Properties of(int port, int controllerPort, Path directory, int partitions) {
    Properties settings = new Properties();
    settings.setProperty("process.roles", "broker,controller");
    settings.setProperty("node.id", Integer.toString(NODE_ID));
    settings.setProperty("controller.quorum.voters", NODE_ID + "@127.0.0.1:" + controllerPort);
    settings.setProperty("controller.listener.names", CONTROLLER_LISTENER);
    settings.setProperty(
        "listeners", "PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controllerPort);
    settings.setProperty("log.dirs", directory.toString());

    settings.setProperty("auto.create.topics.enable", "true");
    settings.setProperty("num.partitions", Integer.toString(partitions));
    settings.setProperty("group.initial.rebalance.delay.ms", "0");

    // One node: one replica and one partition of each internal topic.
    settings.setProperty("default.replication.factor", "1");
    settings.setProperty("min.insync.replicas", "1");
    for (String topic : new String[] {"offsets.topic", "transaction.state.log"}) {
      settings.setProperty(topic + ".replication.factor", "1");
      settings.setProperty(topic + ".num.partitions", "1");
    }
    settings.setProperty("transaction.state.log.min.isr", "1");
    settings.setProperty("share.coordinator.state.topic.replication.factor", "1");
    settings.setProperty("share.coordinator.state.topic.min.isr", "1");
    settings.setProperty("share.coordinator.state.topic.num.partitions", "1");

    // A replay sends records of years ago, in jumps: they are neither refused nor deleted, and a
    // jump in time does not begin a new segment.
    String unlimited = Long.toString(Long.MAX_VALUE);
    settings.setProperty("log.message.timestamp.type", "CreateTime");
    settings.setProperty("log.message.timestamp.before.max.ms", unlimited);
    settings.setProperty("log.message.timestamp.after.max.ms", unlimited);
    settings.setProperty("log.retention.ms", "-1");
    settings.setProperty("log.retention.bytes", "-1");
    settings.setProperty("log.roll.ms", unlimited);

    // Fits a heap of 512 MiB; the default takes 128 MiB of it for compacting the offsets topic.
    settings.setProperty("log.cleaner.dedupe.buffer.size", Integer.toString(4 << 20));
    return settings;
  }
}
