/** What the pipeline says of itself. */
@NullMarked
package io.highwater.status;

import org.jspecify.annotations.NullMarked;
