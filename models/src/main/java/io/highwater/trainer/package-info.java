/** From a history of events to a model for the registry. */
@NullMarked
package io.highwater.trainer;

import org.jspecify.annotations.NullMarked;
