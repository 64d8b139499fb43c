/** Synthetic warehouse queries: the shape of a real query log, none of its rows. */
@NullMarked
package io.highwater.runners.generate;

import org.jspecify.annotations.NullMarked;
