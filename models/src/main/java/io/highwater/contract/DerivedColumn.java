package io.highwater.contract;

import java.io.Serializable;

/**
 * A column computed from the other columns of its own row.
 *
 * @param sql a row-level, deterministic DuckDB expression, parameters already filled in
 */
public record DerivedColumn(String name, FieldType type, String sql) implements Serializable {}
