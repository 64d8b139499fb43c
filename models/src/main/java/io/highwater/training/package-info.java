/** Trees learned from history: duration models (LightGBM) and isolation forests. */
@NullMarked
package io.highwater.training;

import org.jspecify.annotations.NullMarked;
