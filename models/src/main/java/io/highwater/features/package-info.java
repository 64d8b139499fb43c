/** Rows as inputs of models, and what is usual for a row's subject. */
@NullMarked
package io.highwater.features;

import org.jspecify.annotations.NullMarked;
