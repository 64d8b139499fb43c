/** Options, wiring and what a pipeline needs to know before it starts. */
@NullMarked
package io.highwater.pipelines;

import org.jspecify.annotations.NullMarked;
