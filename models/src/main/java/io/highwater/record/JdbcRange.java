package io.highwater.record;

import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * Some rows of a table: those whose partition column is from {@code from} to below {@code to}, or
 * null. Without a secret, so that it may cross steps.
 *
 * @param index the range's number, from 0
 * @param from inclusive, on the axis of the column's kind ({@link JdbcTable}); null for no bound
 * @param to exclusive, on the same axis; null for no bound
 * @param nulls whether it is the range of the rows whose column is null; the bounds are null then
 */
public record JdbcRange(int index, @Nullable Long from, @Nullable Long to, boolean nulls)
    implements Serializable {}
