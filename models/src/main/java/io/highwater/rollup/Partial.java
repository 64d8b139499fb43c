package io.highwater.rollup;

/**
 * The measures of one batch's rows of one bucket and key.
 *
 * @param bucketStartMillis the start of the bucket, milliseconds since the epoch; a bucket is as
 *     long as the roll-up's shortest window
 * @param minEventMillis the least event time of the rows, milliseconds since the epoch
 */
public record Partial(
    long bucketStartMillis, long minEventMillis, RollUpKey key, Accumulator accumulator) {}
