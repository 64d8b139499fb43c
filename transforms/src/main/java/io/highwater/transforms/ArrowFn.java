package io.highwater.transforms;

import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.beam.sdk.transforms.DoFn;

/**
 * A DoFn that works on Arrow buffers. Its allocator is PER_INSTANCE, from setup to teardown, and
 * empty between bundles; closing it fails if a buffer leaked.
 */
abstract class ArrowFn<InputT, OutputT> extends DoFn<InputT, OutputT> {
  private transient BufferAllocator allocator;

  @Setup
  public final void setup() {
    allocator = new RootAllocator();
    open(allocator);
  }

  @Teardown
  public final void teardown() {
    release();
    allocator.close();
  }

  /** Acquires what lives as long as the instance. */
  void open(BufferAllocator allocator) {}

  /** Releases what {@link #open} acquired; called once, also after a failed bundle. */
  void release() {}

  final BufferAllocator allocator() {
    return allocator;
  }
}
