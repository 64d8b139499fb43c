/** The hot store over the lake, the API that reads it, and the page. */
@NullMarked
package io.highwater.dashboard;

import org.jspecify.annotations.NullMarked;
