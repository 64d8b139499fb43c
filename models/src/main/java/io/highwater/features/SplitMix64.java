package io.highwater.features;

/** The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a good hash of one number. */
public final class SplitMix64 {
  private SplitMix64() {}

  public static long scramble(long value) {
    long hash = value + 0x9E37_79B9_7F4A_7C15L;
    hash = (hash ^ (hash >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
    hash = (hash ^ (hash >>> 27)) * 0x94D0_49BB_1331_11EBL;
    return hash ^ (hash >>> 31);
  }
}
