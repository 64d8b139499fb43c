/** Records in batches: raw as a source gave them, parsed as Arrow, rejected with their reasons. */
@NullMarked
package io.highwater.record;

import org.jspecify.annotations.NullMarked;
