package io.highwater.transforms;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Posts JSON to an address from a thread of its own, so that who answers slowly or not at all holds
 * up no record. What is refused for a passing reason is tried again, ever more slowly, for about
 * half a minute; then it is given up, counted and logged, and the next one has its turn.
 */
final class Webhook implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Webhook.class);

  /** More are given up: whoever gets hundreds of alerts a minute does not read them. */
  private static final int MAX_WAITING = 1_000;

  private static final int MAX_TRIES = 8;
  private static final Duration FIRST_WAIT = Duration.ofMillis(250);
  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  /** How long the end of a stream waits for what is left. */
  private static final Duration MAX_END = Duration.ofSeconds(10);

  private static final int TOO_MANY_REQUESTS = 429;

  private final URI address;
  private final HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
  private final BlockingQueue<byte[]> waiting = new ArrayBlockingQueue<>(MAX_WAITING);
  private final AtomicLong failures = new AtomicLong();
  private final Thread thread;
  private volatile boolean isClosing;

  Webhook(URI address) {
    this.address = address;
    thread = new Thread(this::run, "webhook");
    thread.setDaemon(true);
    thread.start();
  }

  /** Whether there was room for it; it is sent as soon as those before it are. */
  boolean send(byte[] json) {
    return waiting.offer(json);
  }

  /** How many were given up since this was asked last. */
  long newFailures() {
    return failures.getAndSet(0);
  }

  private void run() {
    try {
      while (!isClosing || !waiting.isEmpty()) {
        byte[] json = waiting.poll(100, TimeUnit.MILLISECONDS);
        if (json != null && !post(json)) {
          failures.incrementAndGet();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean post(byte[] json) throws InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(address)
            .timeout(TIMEOUT)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(json))
            .build();
    Duration wait = FIRST_WAIT;
    String problem = "";
    for (int attempt = 1; attempt <= MAX_TRIES; attempt++) {
      try {
        int status = client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
        if (status < 300) {
          return true;
        }
        problem = "it answers " + status;
        if (status < 500 && status != TOO_MANY_REQUESTS) {
          break;
        }
      } catch (IOException e) {
        problem = e.getClass().getSimpleName();
      }
      if (attempt < MAX_TRIES && !isClosing) {
        Thread.sleep(wait.toMillis());
        wait = wait.multipliedBy(2);
      }
    }
    // The rest of the address may be a secret.
    LOG.warn("An alert was not taken by the webhook at {}: {}", address.getHost(), problem);
    return false;
  }

  @Override
  public void close() {
    isClosing = true;
    try {
      thread.join(MAX_END.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    thread.interrupt();
  }
}
