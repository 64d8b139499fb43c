/** Data contracts: what a stream's records look like and what is asked of them. */
@NullMarked
package io.highwater.contract;

import org.jspecify.annotations.NullMarked;
