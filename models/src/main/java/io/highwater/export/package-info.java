/** What lies in a lake, as files and scripts for a warehouse or for anyone's DuckDB. */
@NullMarked
package io.highwater.export;

import org.jspecify.annotations.NullMarked;
