/** Mergeable partial aggregates of batches. */
@NullMarked
package io.highwater.rollup;

import org.jspecify.annotations.NullMarked;
