package io.highwater.detect;

import org.jspecify.annotations.Nullable;

/**
 * Why a row is an outlier, as fields and as a sentence.
 *
 * @param row of the batch
 * @param usualMedian what the subject's rows usually take, given the known part of this one, in
 *     milliseconds; null where none are known
 * @param usualP95 what 95 % of them do not exceed
 * @param usualCount how many are known
 * @param ratio what it took over what was to be expected at most
 */
public record Explanation(
    int row,
    @Nullable Double usualMedian,
    @Nullable Double usualP95,
    long usualCount,
    double ratio,
    Severity severity,
    String sentence) {}
