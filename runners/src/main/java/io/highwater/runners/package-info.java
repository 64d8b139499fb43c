/** The launcher, its commands, and all that starts processes. */
@NullMarked
package io.highwater.runners;

import org.jspecify.annotations.NullMarked;
