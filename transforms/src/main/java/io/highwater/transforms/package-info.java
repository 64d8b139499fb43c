/** The PTransforms: from raw batches to the lake. */
@NullMarked
package io.highwater.transforms;

import org.jspecify.annotations.NullMarked;
