package io.highwater.registry;

import io.highwater.detect.RowModel;
import java.io.IOException;

/** Makes a model of the bytes of a graph. */
@FunctionalInterface
public interface GraphOpener {
  /**
   * Opens a graph; the caller closes it.
   *
   * @param columns of its input
   * @throws IOException or an unchecked exception where it is no such graph, in one line
   */
  RowModel open(byte[] graph, int columns) throws IOException;
}
