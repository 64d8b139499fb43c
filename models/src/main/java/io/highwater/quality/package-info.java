/** What an input is like, and what another definition would change in the lake. */
@NullMarked
package io.highwater.quality;

import org.jspecify.annotations.NullMarked;
