/** The contract's SQL over a batch, in embedded DuckDB. */
@NullMarked
package io.highwater.sql;

import org.jspecify.annotations.NullMarked;
