package io.highwater.contract;

import java.io.Serializable;

/**
 * A condition that every accepted row meets.
 *
 * @param sql a row-level, deterministic DuckDB predicate; a row for which it is false is rejected,
 *     one for which it is null is not
 * @param reason what a person reads in the rejected table
 */
public record RowRule(String name, String sql, String reason) implements Serializable {}
