package io.highwater.record;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The keys of the rows of the last while, in event time. Immutable: adding rows gives another set
 * that shares most of its memory with this one, so that a set may be part of a checkpoint while the
 * next ones are made.
 *
 * <p>A row is a duplicate if a row with the same key was added whose event time is at most a
 * horizon away, before or after. A key is forgotten when the watermark is a horizon past its event
 * time. Event times are kept to an eighth of the horizon, so that up to nine eighths may count as
 * within it. A row that is already a horizon behind the watermark, or more than 4,000 horizons
 * ahead of it, is not looked at: it always counts as new.
 *
 * <p>An entry is 12 bytes: 80 bits of a {@link KeyHasher} hash and 16 bits of time. Entries lie in
 * tables in the order of their hashes, with a directory of the hashes' first bits. New entries
 * become a table of their own; it is merged with those before it that are not far larger, so that
 * there are few (as in a log-structured merge tree). A table has no free places: all in all 12.25
 * bytes a key.
 */
public final class RecentKeys {
  /** Buckets of time in a horizon. */
  private static final int BUCKETS = 8;

  /** How far from {@link #oldest} an entry's bucket may be to be told from 16 bits. */
  private static final int MAX_BUCKETS_AHEAD = Short.MAX_VALUE;

  /** Expired entries are swept out when they are as many as one in so many. */
  private static final int SWEEP_SHARE = 8;

  /** A table is merged with the ones before it that are up to so many times larger. */
  private static final int MERGE_RATIO = 2;

  private final long bucketMillis;

  /** The oldest bucket that counts; entries of older ones may still be in the tables. */
  private final long oldest;

  /** No entry in the tables is of a bucket before this one. */
  private final long sweptTo;

  /** From large to small. */
  private final List<Table> tables;

  private RecentKeys(long bucketMillis, long oldest, long sweptTo, List<Table> tables) {
    this.bucketMillis = bucketMillis;
    this.oldest = oldest;
    this.sweptTo = sweptTo;
    this.tables = tables;
  }

  /**
   * A set after rows were added.
   *
   * @param newRows the rows that are no duplicates, ascending
   */
  public record Added(RecentKeys keys, int[] newRows) {}

  /** An empty set. */
  public static RecentKeys of(Duration horizon) {
    if (horizon.isNegative() || horizon.isZero()) {
      throw new IllegalArgumentException("horizon is " + horizon + "; expected more than zero");
    }
    return new RecentKeys(bucketMillis(horizon), Long.MIN_VALUE, Long.MIN_VALUE, List.of());
  }

  private static long bucketMillis(Duration horizon) {
    return -Math.floorDiv(-Math.max(1, horizon.toMillis()), (long) BUCKETS);
  }

  /**
   * Adds the rows that are no duplicates, neither of a row before nor of one among these.
   *
   * @param hashes of the rows' keys, by {@link KeyHasher}
   * @param eventMillis the rows' event times, milliseconds since the epoch
   * @param watermarkMillis where event time is now; never less than before
   */
  public Added add(byte[] hashes, long[] eventMillis, long watermarkMillis) {
    RecentKeys before = expire(watermarkMillis);
    if (before.tables.isEmpty()) {
      // The watermark may be unknown yet, or far behind: leave room on both sides of the rows.
      long first = Math.floorDiv(Arrays.stream(eventMillis).min().orElse(0), bucketMillis);
      long from = Math.max(before.oldest, first - MAX_BUCKETS_AHEAD / 2);
      before = new RecentKeys(bucketMillis, from, from, List.of());
    }
    return before.add(hashes, eventMillis);
  }

  private Added add(byte[] hashes, long[] eventMillis) {
    ByteBuffer words = ByteBuffer.wrap(hashes);
    int rows = eventMillis.length;
    long[] highs = new long[rows];
    int[] lows = new int[rows];
    int added = 0;
    int[] newRows = new int[rows];
    int newCount = 0;
    // The entries among the rows themselves, by open addressing; a place holds an index + 1.
    int[] places = new int[Integer.highestOneBit(Math.max(1, rows)) * 4];
    for (int row = 0; row < rows; row++) {
      long bucket = Math.floorDiv(eventMillis[row], bucketMillis);
      if (bucket < oldest || bucket - oldest > MAX_BUCKETS_AHEAD) {
        newRows[newCount++] = row;
        continue;
      }
      long high = words.getLong(row * KeyHasher.HASH_BYTES);
      int low = words.getShort(row * KeyHasher.HASH_BYTES + Long.BYTES) << 16;
      int place = (int) high & (places.length - 1);
      boolean duplicate = contains(high, low, bucket);
      while (!duplicate && places[place] != 0) {
        int entry = places[place] - 1;
        duplicate = highs[entry] == high && matches(lows[entry], low, bucket);
        place = (place + 1) & (places.length - 1);
      }
      if (!duplicate) {
        highs[added] = high;
        lows[added] = low | (int) bucket & 0xFFFF;
        places[place] = ++added;
        newRows[newCount++] = row;
      }
    }
    RecentKeys after = added == 0 ? this : with(new Entries(highs, lows, added));
    return new Added(after, Arrays.copyOf(newRows, newCount));
  }

  private boolean contains(long high, int low, long bucket) {
    for (Table table : tables) {
      int slot = (int) (high >>> table.shift);
      for (int i = table.starts[slot]; i < table.starts[slot + 1]; i++) {
        if (table.highs[i] == high && matches(table.lows[i], low, bucket)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Whether an entry whose first 64 bits are the same is of the same key and time. */
  private boolean matches(int entry, int low, long bucket) {
    long ahead = bucketsAhead(entry, oldest);
    return (entry ^ low) >>> 16 == 0 && ahead >= 0 && Math.abs(oldest + ahead - bucket) <= BUCKETS;
  }

  /** How many buckets after {@code from} an entry is; negative if before. */
  private static long bucketsAhead(int entry, long from) {
    return (short) (entry - (int) from);
  }

  private RecentKeys with(Entries added) {
    List<Entries> merged = new ArrayList<>(List.of(added));
    long count = added.count;
    int kept = tables.size();
    while (kept > 0 && tables.get(kept - 1).count <= MERGE_RATIO * count) {
      kept--;
      merged.add(tables.get(kept));
      count += tables.get(kept).count;
    }
    List<Table> after = new ArrayList<>(tables.subList(0, kept));
    after.add(Table.of(merged, oldest, 0));
    return new RecentKeys(bucketMillis, oldest, sweptTo, List.copyOf(after));
  }

  /** Forgets what is a horizon behind the watermark. */
  public RecentKeys expire(long watermarkMillis) {
    long from = Math.max(oldest, Math.floorDiv(watermarkMillis, bucketMillis) - BUCKETS);
    if (from == oldest) {
      return this;
    }
    // Entries tell their bucket by their distance from the oldest one before this step.
    long leastAhead = from - oldest;
    int expired = 0;
    for (Table table : tables) {
      expired += table.count - table.countFrom(oldest, leastAhead);
    }
    boolean sweep =
        (long) expired * SWEEP_SHARE >= size() || from - sweptTo > MAX_BUCKETS_AHEAD / 2;
    if (!sweep) {
      return new RecentKeys(bucketMillis, from, sweptTo, tables);
    }
    boolean empty = expired == size();
    return new RecentKeys(
        bucketMillis,
        from,
        from,
        empty ? List.of() : List.of(Table.of(tables, oldest, leastAhead)));
  }

  /** The same keys under another horizon, as far as they are within it. */
  public RecentKeys withHorizon(Duration horizon, long watermarkMillis) {
    long newBucketMillis = bucketMillis(horizon);
    if (newBucketMillis == bucketMillis) {
      return this;
    }
    RecentKeys rescaled =
        new RecentKeys(newBucketMillis, Long.MIN_VALUE, Long.MIN_VALUE, List.of());
    for (Table table : tables) {
      byte[] hashes = new byte[table.count * KeyHasher.HASH_BYTES];
      long[] eventMillis = new long[table.count];
      ByteBuffer words = ByteBuffer.wrap(hashes);
      for (int i = 0; i < table.count; i++) {
        words.putLong(table.highs[i]).putInt(table.lows[i] & 0xFFFF_0000);
        eventMillis[i] = (oldest + bucketsAhead(table.lows[i], oldest)) * bucketMillis;
      }
      rescaled = rescaled.add(hashes, eventMillis, watermarkMillis).keys();
    }
    return rescaled;
  }

  public boolean isEmpty() {
    return tables.isEmpty();
  }

  /** How many keys it holds. */
  public int size() {
    return tables.stream().mapToInt(table -> table.count).sum();
  }

  /** Its size on the heap, to within a few hundred bytes. */
  public long byteSize() {
    return tables.stream()
        .mapToLong(table -> KeyHasher.HASH_BYTES * (long) table.count + 4L * table.starts.length)
        .sum();
  }

  /** Writes what {@link #readFrom} reads. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeLong(bucketMillis);
    out.writeLong(oldest);
    out.writeLong(sweptTo);
    out.writeInt(tables.size());
    for (Table table : tables) {
      table.writeTo(out);
    }
  }

  /** Reads what {@link #writeTo} wrote. */
  public static RecentKeys readFrom(DataInput in) throws IOException {
    long bucketMillis = in.readLong();
    long oldest = in.readLong();
    long sweptTo = in.readLong();
    Table[] tables = new Table[in.readInt()];
    for (int i = 0; i < tables.length; i++) {
      tables[i] = Table.readFrom(in);
    }
    return new RecentKeys(bucketMillis, oldest, sweptTo, List.of(tables));
  }

  /**
   * Entries in any order: of each, 64 bits of the hash, and then 16 bits of it beside 16 of the
   * bucket.
   */
  private static class Entries {
    final long[] highs;
    final int[] lows;
    final int count;

    Entries(long[] highs, int[] lows, int count) {
      this.highs = highs;
      this.lows = lows;
      this.count = count;
    }

    /** How many entries are at least so many buckets after {@code oldest}. */
    final int countFrom(long oldest, long leastAhead) {
      int live = 0;
      for (int i = 0; i < count; i++) {
        live += bucketsAhead(lows[i], oldest) >= leastAhead ? 1 : 0;
      }
      return live;
    }
  }

  /** Entries in slots by the first bits of their hashes; never changed once made. */
  private static final class Table extends Entries {
    /** A lookup reads one slot: 16 to 31 entries on average, a few cache lines. */
    private static final int ENTRIES_PER_SLOT = 16;

    private static final int CHUNK_ENTRIES = 4_096;

    /** Where each slot begins, and where the last one ends. */
    final int[] starts;

    final int shift;

    private Table(long[] highs, int[] lows, int[] starts, int shift) {
      super(highs, lows, highs.length);
      this.starts = starts;
      this.shift = shift;
    }

    /** The entries that are at least so many buckets after {@code oldest}. */
    static Table of(List<? extends Entries> sources, long oldest, long leastAhead) {
      int count = 0;
      for (Entries source : sources) {
        count += source.countFrom(oldest, leastAhead);
      }
      int shift = shift(count);
      int[] starts = new int[(1 << (Long.SIZE - shift)) + 1];
      for (Entries source : sources) {
        for (int i = 0; i < source.count; i++) {
          if (bucketsAhead(source.lows[i], oldest) >= leastAhead) {
            starts[(int) (source.highs[i] >>> shift) + 1]++;
          }
        }
      }
      sum(starts);
      int[] next = starts.clone();
      long[] highs = new long[count];
      int[] lows = new int[count];
      for (Entries source : sources) {
        for (int i = 0; i < source.count; i++) {
          if (bucketsAhead(source.lows[i], oldest) >= leastAhead) {
            int place = next[(int) (source.highs[i] >>> shift)]++;
            highs[place] = source.highs[i];
            lows[place] = source.lows[i];
          }
        }
      }
      return new Table(highs, lows, starts, shift);
    }

    private static int shift(int count) {
      int slots = Math.max(2, Integer.highestOneBit(Math.max(1, count / ENTRIES_PER_SLOT)));
      return Long.SIZE - Integer.numberOfTrailingZeros(slots);
    }

    /** Turns the sizes of the slots before each into the places where each begins. */
    private static void sum(int[] starts) {
      for (int slot = 1; slot < starts.length; slot++) {
        starts[slot] += starts[slot - 1];
      }
    }

    void writeTo(DataOutput out) throws IOException {
      out.writeInt(count);
      ByteBuffer chunk = ByteBuffer.allocate(CHUNK_ENTRIES * KeyHasher.HASH_BYTES);
      for (int i = 0; i < count; i++) {
        chunk.putLong(highs[i]).putInt(lows[i]);
        if (!chunk.hasRemaining() || i == count - 1) {
          out.write(chunk.array(), 0, chunk.position());
          chunk.clear();
        }
      }
    }

    static Table readFrom(DataInput in) throws IOException {
      int count = in.readInt();
      long[] highs = new long[count];
      int[] lows = new int[count];
      int shift = shift(count);
      int[] starts = new int[(1 << (Long.SIZE - shift)) + 1];
      ByteBuffer chunk = ByteBuffer.allocate(CHUNK_ENTRIES * KeyHasher.HASH_BYTES).limit(0);
      for (int i = 0; i < count; i++) {
        if (!chunk.hasRemaining()) {
          chunk.clear().limit(Math.min(CHUNK_ENTRIES, count - i) * KeyHasher.HASH_BYTES);
          in.readFully(chunk.array(), 0, chunk.limit());
        }
        highs[i] = chunk.getLong();
        lows[i] = chunk.getInt();
        starts[(int) (highs[i] >>> shift) + 1]++;
      }
      sum(starts);
      return new Table(highs, lows, starts, shift);
    }
  }
}
