package io.highwater.contract;

import java.io.Serializable;

/**
 * A column of a roll-up that says how far a window is from what is usual for its key: the distance
 * of {@code ln(1 + column / per)} from its exponentially weighted mean, in standard deviations.
 *
 * @param column a measure of a type that is summed
 * @param per a measure that counts what {@code column} is spread over
 */
public record Score(String name, String column, String per) implements Serializable {}
