/** Learned models as ONNX graphs, and the sessions that score with them. */
@NullMarked
package io.highwater.onnx;

import org.jspecify.annotations.NullMarked;
