/** Which rows are outliers, and why. */
@NullMarked
package io.highwater.detect;

import org.jspecify.annotations.NullMarked;
