package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.DoFn.MultiOutputReceiver;
import org.apache.beam.sdk.transforms.DoFn.OutputReceiver;
import org.apache.beam.sdk.transforms.reflect.DoFnInvoker;
import org.apache.beam.sdk.transforms.reflect.DoFnInvokers;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.util.SerializableUtils;
import org.apache.beam.sdk.values.OutputBuilder;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.sdk.values.TupleTag;
import org.joda.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One instance of a DoFn, driven as a runner's worker drives it: serialised and read back first.
 */
final class FnWorker {
  private final DoFn<Object, Object> fn;
  private final DoFnInvoker<Object, Object> invoker;
  private final List<Object> outputs = new ArrayList<>();
  private boolean failing;

  @SuppressWarnings("unchecked") // The elements' types are those of the pipeline it was taken from.
  FnWorker(DoFn<?, ?> fn) {
    this.fn = (DoFn<Object, Object>) SerializableUtils.ensureSerializable(fn);
    this.invoker = DoFnInvokers.invokerFor(this.fn);
  }

  DoFn<?, ?> fn() {
    return fn;
  }

  /** From now on, whatever comes after this step fails. */
  void failDownstream(boolean fail) {
    this.failing = fail;
  }

  void setup() {
    invoker.invokeSetup(new Arguments(null));
  }

  /** A whole bundle; what the DoFn put out, to whichever output. */
  List<Object> bundle(Iterable<?> elements) {
    outputs.clear();
    invoker.invokeStartBundle(new Arguments(null));
    for (Object element : elements) {
      invoker.invokeProcessElement(new Arguments(element));
    }
    invoker.invokeFinishBundle(new Arguments(null));
    return List.copyOf(outputs);
  }

  void teardown() {
    invoker.invokeTeardown();
  }

  private void emit(Object value) {
    if (failing) {
      throw new IllegalStateException("the next step failed");
    }
    outputs.add(value);
  }

  private final class Receiver<T> implements OutputReceiver<T> {
    @Override
    public OutputBuilder<T> builder(T value) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void output(T value) {
      emit(value);
    }

    @Override
    public void outputWithTimestamp(T value, Instant timestamp) {
      emit(value);
    }
  }

  private final class Arguments extends DoFnInvoker.BaseArgumentProvider<Object, Object> {
    private final @Nullable Object element;

    Arguments(@Nullable Object element) {
      this.element = element;
    }

    @Override
    public Object element(DoFn<Object, Object> doFn) {
      return requireNonNull(element);
    }

    @Override
    public OutputReceiver<Object> outputReceiver(DoFn<Object, Object> doFn) {
      return new Receiver<>();
    }

    @Override
    public MultiOutputReceiver taggedOutputReceiver(DoFn<Object, Object> doFn) {
      return new MultiOutputReceiver() {
        @Override
        public <T> OutputReceiver<T> get(TupleTag<T> tag) {
          return new Receiver<>();
        }

        @Override
        public <T> OutputReceiver<Row> getRowReceiver(TupleTag<T> tag) {
          return new Receiver<>();
        }
      };
    }

    @Override
    public DoFn<Object, Object>.FinishBundleContext finishBundleContext(DoFn<Object, Object> doFn) {
      return doFn.new FinishBundleContext() {
        @Override
        public PipelineOptions getPipelineOptions() {
          return PipelineOptionsFactory.create();
        }

        @Override
        public void output(Object value, Instant timestamp, BoundedWindow window) {
          emit(value);
        }

        @Override
        public <T> void output(TupleTag<T> tag, T value, Instant timestamp, BoundedWindow window) {
          emit(value);
        }
      };
    }

    @Override
    public BoundedWindow window() {
      return GlobalWindow.INSTANCE;
    }

    @Override
    public String getErrorContext() {
      return "FnWorker";
    }
  }
}
