package io.highwater.rollup;

import io.highwater.contract.Measure;
import java.io.IOException;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** One aggregate for each value of a further column, in its text; none for null. */
record ByValue(SortedMap<String, Aggregate> aggregates) implements Aggregate {
  static final int KIND = 11;

  ByValue {
    aggregates = Collections.unmodifiableSortedMap(new TreeMap<>(aggregates));
  }

  @Override
  public Aggregate merge(Aggregate other) {
    if (other instanceof ByValue that) {
      SortedMap<String, Aggregate> merged = new TreeMap<>(aggregates);
      that.aggregates.forEach(
          (value, aggregate) -> merged.merge(value, aggregate, Aggregate::merge));
      return new ByValue(merged);
    }
    return Aggregate.mergeNothing(this, other);
  }

  /** A JSON object. */
  @Override
  public String result(Measure measure) {
    return aggregates.entrySet().stream()
        .map(entry -> FrequentValues.quote(entry.getKey()) + ":" + entry.getValue().result(measure))
        .collect(Collectors.joining(",", "{", "}"));
  }

  @Override
  public void writeTo(Encoder out) {
    out.writeByte(KIND);
    out.writeUnsigned(aggregates.size());
    for (Map.Entry<String, Aggregate> entry : aggregates.entrySet()) {
      out.writeText(entry.getKey());
      entry.getValue().writeTo(out);
    }
  }

  static ByValue readFrom(Decoder in) throws IOException {
    SortedMap<String, Aggregate> aggregates = new TreeMap<>();
    int size = in.readLength();
    for (int i = 0; i < size; i++) {
      aggregates.put(in.readText(), Aggregate.readFrom(in));
    }
    return new ByValue(aggregates);
  }
}
