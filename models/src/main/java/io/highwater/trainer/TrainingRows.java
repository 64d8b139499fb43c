package io.highwater.trainer;

import io.highwater.features.Encodings;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a training learns from and is judged by; {@link TrainingSplit} says which days are what.
 *
 * @param championNewest the newest rows as the champion sees them; null without one
 * @param beforeNewest what was usual before the newest day
 * @param served what is usual by all rows, which the model serves with
 * @param first the first event time
 * @param last the last event time
 */
record TrainingRows(
    SampledRows learned,
    SampledRows stop,
    SampledRows calibration,
    SampledRows newest,
    @Nullable SampledRows championNewest,
    Encodings beforeNewest,
    Encodings served,
    Instant first,
    Instant last) {}
