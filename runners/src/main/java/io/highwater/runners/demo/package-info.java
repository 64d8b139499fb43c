/** Everything on one machine, to be looked at. */
@NullMarked
package io.highwater.runners.demo;

import org.jspecify.annotations.NullMarked;
