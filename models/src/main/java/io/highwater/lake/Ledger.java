package io.highwater.lake;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What an hour's markers say together: which files have gone in, and which out for good.
 *
 * @param in names of files of generations that were published
 * @param out names of files that were replaced; one that is in both is out
 */
public record Ledger(Set<String> in, Set<String> out) {
  public Ledger {
    in = Set.copyOf(in);
    out = Set.copyOf(out);
  }

  public static Ledger of(Iterable<Replacement> markers) {
    Set<String> in = new HashSet<>();
    Set<String> out = new HashSet<>();
    for (Replacement marker : markers) {
      in.addAll(marker.in());
      out.addAll(marker.out());
    }
    return new Ledger(in, out);
  }

  /** Whether a file of that name was replaced: it does not count, whenever it is written. */
  public boolean isOut(String name) {
    return out.contains(name);
  }

  /** Which of the names of an hour's folder count, in their order. */
  List<String> counting(List<String> names) {
    return names.stream().filter(this::counts).toList();
  }

  private boolean counts(String name) {
    return LakeNames.isData(name)
        && !isOut(name)
        && (LakeNames.generationOf(name) == null || in.contains(name));
  }

  /** What has gone in, not out, and is not among the names. */
  Set<String> missing(List<String> names) {
    Set<String> missing = new HashSet<>(in);
    missing.removeAll(out);
    names.forEach(missing::remove);
    return missing;
  }
}
