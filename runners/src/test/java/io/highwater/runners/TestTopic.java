package io.highwater.runners;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.IntUnaryOperator;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A topic whose messages the test knows, each with its position. Messages go to the partitions in
 * turn, with their event time as Kafka timestamp.
 */
final class TestTopic implements AutoCloseable {
  private static final Duration WAIT = Duration.ofSeconds(30);
  private static final long TRICKLE_MILLIS = 50;

  /** A message and where it is. */
  record Sent(int partition, long offset, QueryMessage message) {}

  private final String servers;
  private final String name;
  private final int partitions;
  private final KafkaProducer<byte[], byte[]> producer;
  // Counted while it trickles.
  private final List<Sent> sent = Collections.synchronizedList(new ArrayList<>());
  private final ScheduledExecutorService trickling = Executors.newSingleThreadScheduledExecutor();

  private TestTopic(
      String servers, String name, int partitions, KafkaProducer<byte[], byte[]> producer) {
    this.servers = servers;
    this.name = name;
    this.partitions = partitions;
    this.producer = producer;
  }

  static TestTopic create(TestBroker broker, String name, int partitions)
      throws ExecutionException, InterruptedException {
    try (Admin admin =
        Admin.create(
            Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()))) {
      admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get();
    }
    return new TestTopic(broker.bootstrapServers(), name, partitions, producer(broker));
  }

  /** The same topic when its broker runs elsewhere, with more partitions; this one is closed. */
  TestTopic moved(TestBroker broker, int newPartitions)
      throws ExecutionException, InterruptedException {
    close();
    try (Admin admin =
        Admin.create(
            Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()))) {
      admin.createPartitions(Map.of(name, NewPartitions.increaseTo(newPartitions))).all().get();
    }
    TestTopic moved =
        new TestTopic(broker.bootstrapServers(), name, newPartitions, producer(broker));
    moved.sent.addAll(sent);
    return moved;
  }

  private static KafkaProducer<byte[], byte[]> producer(TestBroker broker) {
    return new KafkaProducer<>(
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
            broker.bootstrapServers(),
            // A partition that has just been made may refuse the first batch and take the second,
            // after which the first never fits in.
            ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION,
            1),
        new ByteArraySerializer(),
        new ByteArraySerializer());
  }

  String name() {
    return name;
  }

  /** Everything that was sent; call it when nothing is being sent. */
  List<Sent> sent() {
    return sent;
  }

  int sentCount() {
    return sent.size();
  }

  /** Of each partition that something was sent to, the offset behind it. */
  Map<Integer, Long> ends() {
    Map<Integer, Long> ends = new TreeMap<>();
    sent.forEach(message -> ends.merge(message.partition(), message.offset() + 1, Math::max));
    return ends;
  }

  /** Sends to the partitions in turn; returns when the broker has them all. */
  void send(List<QueryMessage> messages) throws ExecutionException, InterruptedException {
    int first = sent.size();
    send(messages, index -> (first + index) % partitions);
  }

  /** Sends to one partition; returns when the broker has them all. */
  void send(int partition, List<QueryMessage> messages)
      throws ExecutionException, InterruptedException {
    send(messages, unused -> partition);
  }

  private void send(List<QueryMessage> messages, IntUnaryOperator partitionOf)
      throws ExecutionException, InterruptedException {
    List<Future<RecordMetadata>> acknowledged = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      acknowledged.add(
          producer.send(
              new ProducerRecord<>(
                  name,
                  partitionOf.applyAsInt(i),
                  messages.get(i).query().arrivalMicros() / 1_000,
                  null,
                  messages.get(i).value())));
    }
    for (int i = 0; i < messages.size(); i++) {
      RecordMetadata position = acknowledged.get(i).get();
      sent.add(new Sent(position.partition(), position.offset(), messages.get(i)));
    }
  }

  /** Sends without end, some hundred messages a second, until the result is cancelled. */
  ScheduledFuture<?> trickle(Iterator<QueryMessage> messages, int atOnce) {
    return trickling.scheduleAtFixedRate(
        () -> sendSome(messages, atOnce), 0, TRICKLE_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void sendSome(Iterator<QueryMessage> messages, int count) {
    List<QueryMessage> some = new ArrayList<>();
    while (some.size() < count && messages.hasNext()) {
      some.add(messages.next());
    }
    try {
      send(some);
    } catch (ExecutionException e) {
      throw new IllegalStateException("cannot send", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends {@link #trickle} and waits until the broker has what was sent. */
  void endTrickle(ScheduledFuture<?> trickle) throws ExecutionException, InterruptedException {
    if (trickle.isDone() && !trickle.isCancelled()) {
      // It has failed; what it sent last is not known.
      trickle.get();
    }
    trickle.cancel(false);
    trickling.shutdown();
    if (!trickling.awaitTermination(WAIT.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError(
          "the broker did not take the messages in " + WAIT.toSeconds() + " s");
    }
  }

  /**
   * Adds what is in the topic twice, to be asked for once from each place: a producer whose broker
   * is killed sends again what it does not know the broker to have.
   */
  void addSentAgain(TestBroker broker) {
    Map<TopicPartition, Set<Long>> known = new HashMap<>();
    Map<ByteBuffer, QueryMessage> messages = new HashMap<>();
    for (Sent one : sent) {
      known
          .computeIfAbsent(new TopicPartition(name, one.partition()), unused -> new HashSet<>())
          .add(one.offset());
      messages.put(ByteBuffer.wrap(one.message().value()), one.message());
    }
    for (ConsumerRecord<byte[], byte[]> record : consume(broker, name)) {
      TopicPartition partition = new TopicPartition(name, record.partition());
      if (!known.getOrDefault(partition, Set.of()).contains(record.offset())) {
        QueryMessage message = messages.get(ByteBuffer.wrap(record.value()));
        sent.add(
            new Sent(
                record.partition(),
                record.offset(),
                requireNonNull(message, "a message that nobody sent")));
      }
    }
  }

  void delete() throws ExecutionException, InterruptedException {
    try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, servers))) {
      admin.deleteTopics(List.of(name)).all().get();
    }
  }

  /** All messages of a topic. */
  static List<ConsumerRecord<byte[], byte[]>> consume(TestBroker broker, String topic) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      List<TopicPartition> all =
          consumer.partitionsFor(topic).stream()
              .map(partition -> new TopicPartition(topic, partition.partition()))
              .toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      long end = consumer.endOffsets(all).values().stream().mapToLong(Long::longValue).sum();
      long deadline = System.nanoTime() + WAIT.toNanos();
      while (records.size() < end && System.nanoTime() < deadline) {
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
    }
    return records;
  }

  @Override
  public void close() {
    trickling.shutdownNow();
    producer.close();
  }
}
