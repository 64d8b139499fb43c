package io.highwater.record;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecentKeysTest {
  private static final Duration HORIZON = Duration.ofMinutes(10);
  private static final long H = HORIZON.toMillis();
  private static final long T = 1_709_251_200_000L;
  private static final long UNKNOWN = Long.MIN_VALUE / 1_000;

  /** A row in a naive set; whether it was surely remembered, at the edge of the horizon or not. */
  private record Naive(long eventMillis, boolean surely) {}

  /** Twelve bytes of which every one differs from those of other keys. */
  private static byte[] hashes(long... keys) {
    ByteBuffer hashes = ByteBuffer.allocate(keys.length * KeyHasher.HASH_BYTES);
    for (long key : keys) {
      Random random = new Random(key);
      hashes.putLong(random.nextLong()).putInt(random.nextInt());
    }
    return hashes.array();
  }

  private static int[] newRows(RecentKeys keys, long watermark, long key, long... eventMillis) {
    long[] same = new long[eventMillis.length];
    Arrays.fill(same, key);
    return keys.add(hashes(same), eventMillis, watermark).newRows();
  }

  private static RecentKeys with(long key, long eventMillis) {
    return RecentKeys.of(HORIZON).add(hashes(key), new long[] {eventMillis}, UNKNOWN).keys();
  }

  private static byte[] written(RecentKeys keys) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    keys.writeTo(new DataOutputStream(bytes));
    return bytes.toByteArray();
  }

  private static RecentKeys readBack(RecentKeys keys) throws IOException {
    return RecentKeys.readFrom(new DataInputStream(new ByteArrayInputStream(written(keys))));
  }

  @Test
  void keepsTheFirstOfManyDeliveries() {
    long[] times = new long[80];
    Arrays.fill(times, T);
    assertArrayEquals(new int[] {0}, newRows(RecentKeys.of(HORIZON), UNKNOWN, 1, times));
    assertArrayEquals(new int[0], newRows(with(1, T), T, 1, times));
    assertArrayEquals(new int[] {0}, newRows(with(1, T), T, 2, times));
  }

  @Test
  void countsAKeyAgainAHorizonAndAnEighthAway() {
    for (long sign : new long[] {-1, 1}) {
      assertArrayEquals(new int[0], newRows(with(1, T), UNKNOWN, 1, T + sign * H));
      assertArrayEquals(new int[] {0}, newRows(with(1, T), UNKNOWN, 1, T + sign * H * 9 / 8));
    }
    // Both within one batch, and each of them delivered twice.
    long later = T + 2 * H;
    assertArrayEquals(
        new int[] {0, 1}, newRows(RecentKeys.of(HORIZON), UNKNOWN, 1, T, later, T, later));
  }

  @Test
  void forgetsWhatIsAHorizonBehindTheWatermark() {
    RecentKeys keys = with(1, T);
    assertEquals(1, keys.expire(T + H - 1).size());
    assertArrayEquals(new int[0], newRows(keys, T + H - 1, 1, T));
    assertThat(keys.expire(T + H + H / 8).isEmpty(), is(true));
    assertThat(keys.expire(Long.MAX_VALUE / 1_000).isEmpty(), is(true));
    assertEquals(0, keys.expire(T + 2 * H).byteSize());
  }

  @Test
  void looksAtNoRowThatIsTooLateOrFarAhead() {
    RecentKeys keys = with(1, T).expire(T + H / 2);
    for (long eventMillis : new long[] {T - H, T + 5_000 * H, Long.MAX_VALUE / 1_000}) {
      RecentKeys.Added added = keys.add(hashes(2, 2), new long[] {eventMillis, eventMillis}, T);
      assertArrayEquals(new int[] {0, 1}, added.newRows());
      assertEquals(1, added.keys().size());
    }
  }

  @Test
  void tellsKeysApartByEachOfTheEightyBits() {
    byte[] hash = new byte[KeyHasher.HASH_BYTES];
    RecentKeys keys = RecentKeys.of(HORIZON).add(hash, new long[] {T}, UNKNOWN).keys();
    for (int bit = 0; bit < 80; bit++) {
      byte[] other = hash.clone();
      other[bit / 8] ^= (byte) (1 << (bit % 8));
      assertArrayEquals(new int[] {0}, keys.add(other, new long[] {T}, UNKNOWN).newRows());
      byte[] both = Arrays.copyOf(other, 2 * other.length);
      assertArrayEquals(
          new int[] {0, 1}, RecentKeys.of(HORIZON).add(both, new long[] {T, T}, 0).newRows());
    }
  }

  /** Batches of keys that come again and again, around a watermark that now and then jumps. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void agreesWithANaiveSet(long seed) throws IOException {
    Random random = new Random(seed);
    long bucket = H / 8;
    int differentKeys = 1 << (6 + random.nextInt(8));
    Map<Long, List<Naive>> naive = new HashMap<>();
    RecentKeys keys = RecentKeys.of(HORIZON);
    long watermark = UNKNOWN;
    long now = T;
    for (int batch = 0; batch < 400; batch++) {
      RecentKeys before = keys;
      byte[] beforeBytes = written(before);
      int rows = random.nextInt(200);
      long[] ids = random.longs(rows, 0, differentKeys).toArray();
      long[] times = new long[rows];
      for (int row = 0; row < rows; row++) {
        times[row] = now + Math.round(random.nextGaussian() * H / 2);
      }
      RecentKeys.Added added = keys.add(hashes(ids), times, watermark);
      keys = random.nextInt(10) == 0 ? readBack(added.keys()) : added.keys();

      Set<Integer> newRows = new HashSet<>();
      Arrays.stream(added.newRows()).forEach(newRows::add);
      for (int row = 0; row < rows; row++) {
        long time = times[row];
        long mark = watermark;
        List<Naive> known = naive.computeIfAbsent(ids[row], unused -> new ArrayList<>());
        boolean surely =
            mark - time < H
                && known.stream()
                    .anyMatch(
                        entry ->
                            entry.surely
                                && Math.abs(entry.eventMillis - time) <= H
                                && mark - entry.eventMillis < H);
        boolean perhaps =
            mark - time < 9 * bucket
                && known.stream()
                    .anyMatch(
                        entry ->
                            Math.abs(entry.eventMillis - time) < 9 * bucket
                                && mark - entry.eventMillis < 9 * bucket);
        String what = "batch " + batch + ", row " + row;
        if (surely) {
          assertThat(what + " is a duplicate", newRows.contains(row), is(false));
        } else if (!perhaps) {
          assertThat(what + " is new", newRows.contains(row), is(true));
        }
        if (newRows.contains(row)) {
          known.add(new Naive(time, mark - time < H));
        }
      }
      assertArrayEquals(beforeBytes, written(before), "a set changed after it was made");
      now += random.nextInt(50) == 0 ? random.nextInt(1_000) * H : random.nextInt(20) * bucket / 8;
      watermark = batch < 5 ? UNKNOWN : Math.max(watermark, now - random.nextInt(3) * bucket);
    }
  }

  @ParameterizedTest
  @CsvSource({"2000, 1000000", "1, 20000", "16384, 1000000"})
  void takesLessThanSixteenBytesAKeyOfTheHorizon(int rowsPerBatch, int keysInHorizon) {
    Random random = new Random(7);
    RecentKeys keys = RecentKeys.of(HORIZON);
    long rows = 0;
    while (rows < 4L * keysInHorizon) {
      byte[] hashes = new byte[rowsPerBatch * KeyHasher.HASH_BYTES];
      random.nextBytes(hashes);
      long[] times = new long[rowsPerBatch];
      for (int row = 0; row < rowsPerBatch; row++) {
        times[row] = T + H * rows++ / keysInHorizon;
      }
      keys = keys.add(hashes, times, times[0]).keys();
      if (rows > keysInHorizon && rows % (keysInHorizon / 20) < rowsPerBatch) {
        assertThat((double) keys.byteSize() / keysInHorizon, is(lessThan(16.0)));
      }
    }
  }

  @Test
  void keepsItsKeysUnderAnotherHorizon() {
    long[] times = {T, T + H / 4, T + H / 2};
    RecentKeys keys = RecentKeys.of(HORIZON).add(hashes(1, 2, 3), times, UNKNOWN).keys();

    RecentKeys longer = keys.withHorizon(HORIZON.multipliedBy(6), T + H / 2);
    assertArrayEquals(
        new int[] {3}, longer.add(hashes(1, 2, 3, 4), new long[] {T, T, T, T}, T).newRows());
    assertEquals(3, longer.expire(T + 5 * H).size());

    RecentKeys shorter = keys.withHorizon(HORIZON.dividedBy(4), T + H / 2 + H / 8);
    assertArrayEquals(
        new int[] {0, 1}, shorter.add(hashes(1, 2, 3), times, T + H / 2 + H / 8).newRows());
  }

  @Test
  void refusesAHorizonThatIsNone() {
    for (Duration none : List.of(Duration.ZERO, Duration.ofMillis(-1))) {
      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, () -> RecentKeys.of(none));
      assertEquals("horizon is " + none + "; expected more than zero", refused.getMessage());
    }
  }
}
