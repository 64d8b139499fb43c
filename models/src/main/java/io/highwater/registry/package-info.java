/** Where models are kept, which one serves, and how it is replaced. */
@NullMarked
package io.highwater.registry;

import org.jspecify.annotations.NullMarked;
