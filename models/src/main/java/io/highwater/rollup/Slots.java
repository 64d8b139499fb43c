package io.highwater.rollup;

import io.highwater.contract.Measure;
import io.highwater.contract.RollUp;
import java.util.ArrayList;
import java.util.List;

/**
 * What is kept for the measures of a roll-up: measures that differ only in what is asked of the
 * result, such as two quantiles of one column, share a slot.
 *
 * @param kept a measure a slot; its name and what is asked of the result mean nothing
 * @param ofMeasure the slot of each measure
 */
record Slots(List<Measure> kept, int[] ofMeasure) {
  static Slots of(RollUp rollUp) {
    List<Measure> kept = new ArrayList<>();
    int[] ofMeasure = new int[rollUp.measures().size()];
    for (int i = 0; i < ofMeasure.length; i++) {
      Measure measure = withoutQuestion(rollUp.measures().get(i));
      int slot = kept.indexOf(measure);
      if (slot < 0) {
        slot = kept.size();
        kept.add(measure);
      }
      ofMeasure[i] = slot;
    }
    return new Slots(kept, ofMeasure);
  }

  private static Measure withoutQuestion(Measure measure) {
    Measure.Settings settings = measure.settings();
    return new Measure(
        "",
        measure.function(),
        measure.column(),
        measure.where(),
        new Measure.Settings(null, null, settings.separator(), settings.with(), settings.by()));
  }
}
