package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.contract.Contract;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The parser and the scanner against Jackson's tree, on records by a seed. */
class JsonAgreementTest {
  private static final Contract CONTRACT = WarehouseContract.CONTRACT;
  private static final int BATCH = 5_000;
  private static final String SYNTAX = "{}[]:,\"\\0123456789.eE+-tfn \u0001/";

  @Test
  void agreesWithJacksonOnGeneratedRecords() {
    int accepted = 0;
    try (BufferAllocator allocator = new RootAllocator()) {
      RecordParser parser = new RecordParser(CONTRACT, allocator);
      for (int batch = 0; batch < 20; batch++) {
        RandomRecords records = new RandomRecords(CONTRACT, batch, 0.004);
        List<byte[]> messages = new ArrayList<>();
        for (int row = 0; row < BATCH; row++) {
          messages.add(records.json().getBytes(StandardCharsets.UTF_8));
        }
        accepted += compare(parser, messages, true);
      }
    }
    // Otherwise it would be the rejections that agree.
    assertTrue(accepted > 75_000, accepted + " of 100,000 records were accepted");
    assertTrue(accepted < 99_000, accepted + " of 100,000 records were accepted");
  }

  @Test
  void agreesWithJacksonOnMutatedRecords() {
    Random random = new Random(7);
    int accepted = 0;
    try (BufferAllocator allocator = new RootAllocator()) {
      RecordParser parser = new RecordParser(CONTRACT, allocator);
      for (int batch = 0; batch < 6; batch++) {
        RandomRecords records = new RandomRecords(CONTRACT, 1000 + batch, 0);
        List<byte[]> messages = new ArrayList<>();
        for (int row = 0; row < BATCH; row++) {
          byte[] message = records.json().getBytes(StandardCharsets.UTF_8);
          for (int times = 1 + random.nextInt(2); times > 0; times--) {
            message = mutated(message, random);
          }
          messages.add(message);
        }
        accepted += compare(parser, messages, false);
      }
    }
    assertTrue(accepted > 3_000, accepted + " of 30,000 records were accepted");
    assertTrue(accepted < 27_000, accepted + " of 30,000 records were accepted");
  }

  private static byte[] mutated(byte[] message, Random random) {
    if (message.length < 2) {
      return message;
    }
    int at = random.nextInt(message.length);
    int length = 1 + random.nextInt(Math.min(40, message.length - at));
    byte[] head = Arrays.copyOf(message, at);
    byte[] part = Arrays.copyOfRange(message, at, at + length);
    byte[] rest = Arrays.copyOfRange(message, at + length, message.length);
    return switch (random.nextInt(6)) {
      case 0 -> {
        part[0] = (byte) (part[0] ^ 1 << random.nextInt(8));
        yield join(head, part, rest);
      }
      case 1 -> {
        part[0] = (byte) SYNTAX.charAt(random.nextInt(SYNTAX.length()));
        yield join(head, part, rest);
      }
      case 2 -> head;
      case 3 -> join(head, part, part, rest);
      case 4 -> join(head, rest);
      default -> join(head, part, message);
    };
  }

  private static byte[] join(byte[]... parts) {
    byte[] joined = new byte[0];
    for (byte[] part : parts) {
      int length = joined.length;
      joined = Arrays.copyOf(joined, length + part.length);
      System.arraycopy(part, 0, joined, length, part.length);
    }
    return joined;
  }

  /** Returns how many messages were accepted. */
  private static int compare(RecordParser parser, List<byte[]> messages, boolean sameCodes) {
    RawMessages.Builder raw =
        RawBatch.builder(RawBatch.SourceKind.FILE, "records.jsonl", RawMessages.Format.JSON);
    for (byte[] message : messages) {
      raw.add(0, raw.size(), 0, message);
    }
    EventTimeScanner scanner = new EventTimeScanner(CONTRACT);
    int eventTime = RecordParser.eventTimeColumn(CONTRACT);
    Cells cells;
    try (RecordParser.Result result = parser.parse(raw.build())) {
      cells = Cells.of(CONTRACT, result);
    }
    assertEquals(messages.size(), cells.rows().size() + cells.rejections().size());
    int undecided = 0;
    for (int row = 0; row < messages.size(); row++) {
      byte[] message = messages.get(row);
      String text = new String(message, StandardCharsets.UTF_8);
      NaiveRecords.Outcome expected =
          message.length == 0
              ? new NaiveRecords.Outcome(null, ErrorCode.EMPTY_MESSAGE)
              : NaiveRecords.json(CONTRACT, message);
      if (expected == null) {
        undecided++;
        continue;
      }
      List<@Nullable Object> actual = cells.rows().get(row);
      if (actual == null) {
        Rejection rejection = cells.rejection(row);
        if (expected.row() != null) {
          assertTrue(
              isStricter(rejection.code(), text), () -> rejection + " but Jackson reads " + text);
        } else if (sameCodes) {
          assertEquals(expected.code(), rejection.code(), () -> rejection + " of " + text);
        }
        continue;
      }
      assertNotNull(
          expected.row(), () -> "accepted, where Jackson says " + expected.code() + ": " + text);
      for (int column = 0; column < actual.size(); column++) {
        Object expectedValue = Objects.requireNonNull(expected.row()).get(column);
        if (!equal(expectedValue, actual.get(column))) {
          assertEquals(
              expectedValue, actual.get(column), CONTRACT.fields().get(column) + " of " + text);
        }
      }
      assertEquals(
          Math.floorDiv((long) Objects.requireNonNull(actual.get(eventTime)), 1000L),
          scanner.scanMillis(message),
          text);
    }
    assertTrue(undecided < 10, undecided + " records that Jackson cannot hold");
    return cells.rows().size();
  }

  private static boolean equal(@Nullable Object expected, @Nullable Object actual) {
    // Jackson's tree has no negative zero where it is written as an integer.
    return Objects.equals(expected, actual)
        || (expected instanceof Double a && actual instanceof Double b && a == 0.0 && b == 0.0);
  }

  /** What Jackson lets pass: byte order marks, other encodings, surrogates without a pair. */
  private static boolean isStricter(ErrorCode code, String text) {
    return code == ErrorCode.INVALID_UTF8
        || (code == ErrorCode.MALFORMED_JSON && text.matches("(?si).*\\\\ud[89a-f].*"))
        || (code == ErrorCode.MALFORMED_JSON && text.startsWith("\uFEFF"));
  }
}
