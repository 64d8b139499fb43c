/** Where tables lie on disk, which files count, and how they are written. */
@NullMarked
package io.highwater.lake;

import org.jspecify.annotations.NullMarked;
