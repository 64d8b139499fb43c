package io.highwater.transforms;

import io.highwater.contract.Contract;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.CoderRegistry;
import org.apache.beam.sdk.transforms.Combine;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.SerializableBiFunction;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.TypeDescriptor;

/** Merges the parts of a report, which never change, to one; without parts it is the empty one. */
final class MergeReports<ReportT>
    extends PTransform<PCollectionList<ReportT>, PCollection<ReportT>> {
  private final Contract contract;
  private final TypeDescriptor<ReportT> type;
  private final Coder<ReportT> coder;
  private final SerializableFunction<Contract, ReportT> empty;
  private final SerializableBiFunction<ReportT, ReportT, ReportT> merge;

  MergeReports(
      Contract contract,
      TypeDescriptor<ReportT> type,
      Coder<ReportT> coder,
      SerializableFunction<Contract, ReportT> empty,
      SerializableBiFunction<ReportT, ReportT, ReportT> merge) {
    this.contract = contract;
    this.type = type;
    this.coder = coder;
    this.empty = empty;
    this.merge = merge;
  }

  @Override
  public PCollection<ReportT> expand(PCollectionList<ReportT> parts) {
    Contract contract = this.contract;
    SerializableFunction<Contract, ReportT> empty = this.empty;
    // In place of a combine's default value, which a runner wants to be serializable.
    PCollection<ReportT> nothing =
        parts
            .getPipeline()
            .apply("One", Create.of(0))
            .apply("Nothing", MapElements.into(type).via((Integer one) -> empty.apply(contract)))
            .setCoder(coder);
    return parts
        .and(nothing)
        .apply("AllParts", Flatten.pCollections())
        .apply(
            "Merge",
            Combine.globally(new MergeFn<>(contract, coder, empty, merge)).withoutDefaults())
        .setCoder(coder);
  }

  private static final class MergeFn<ReportT> extends Combine.CombineFn<ReportT, ReportT, ReportT> {
    private final Contract contract;
    private final Coder<ReportT> coder;
    private final SerializableFunction<Contract, ReportT> empty;
    private final SerializableBiFunction<ReportT, ReportT, ReportT> merge;

    MergeFn(
        Contract contract,
        Coder<ReportT> coder,
        SerializableFunction<Contract, ReportT> empty,
        SerializableBiFunction<ReportT, ReportT, ReportT> merge) {
      this.contract = contract;
      this.coder = coder;
      this.empty = empty;
      this.merge = merge;
    }

    @Override
    public ReportT createAccumulator() {
      return empty.apply(contract);
    }

    @Override
    public ReportT addInput(ReportT accumulator, ReportT input) {
      return merge.apply(accumulator, input);
    }

    @Override
    public ReportT mergeAccumulators(Iterable<ReportT> accumulators) {
      ReportT merged = createAccumulator();
      for (ReportT accumulator : accumulators) {
        merged = merge.apply(merged, accumulator);
      }
      return merged;
    }

    @Override
    public ReportT extractOutput(ReportT accumulator) {
      return accumulator;
    }

    @Override
    public Coder<ReportT> getAccumulatorCoder(CoderRegistry registry, Coder<ReportT> inputCoder) {
      return coder;
    }
  }
}
