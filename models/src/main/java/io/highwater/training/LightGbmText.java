package io.highwater.training;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the trees of a model that LightGBM wrote as text (version 4; its {@code src/io/tree.cpp}).
 */
final class LightGbmText {
  private static final int CATEGORICAL = 1;
  private static final int DEFAULT_LEFT = 1 << 1;
  private static final int MISSING_TYPE_SHIFT = 2;

  /** What LightGBM does with NaN at a split: takes it as 0, or as missing. */
  private static final int MISSING_IS_ZERO = 0;

  private static final int MISSING_IS_NAN = 2;

  private LightGbmText() {}

  /**
   * @throws IllegalArgumentException if it is not such a text, or has what we never train: splits
   *     by category, zero as missing, linear leaves, averages
   */
  static TreeEnsemble parse(String model) {
    List<Map<String, String>> sections = sections(model);
    Map<String, String> header = sections.get(0);
    refuse(header.containsKey("average_output"), "an average of trees");
    TreeEnsemble.Builder ensemble =
        new TreeEnsemble.Builder(Integer.parseInt(of(header, "max_feature_idx")) + 1);
    for (Map<String, String> tree : sections.subList(1, sections.size())) {
      refuse(!of(tree, "num_cat").equals("0"), "splits by category");
      refuse(tree.getOrDefault("is_linear", "0").equals("1"), "linear leaves");
      ensemble.addRoot(addTree(tree, ensemble));
    }
    return ensemble.build();
  }

  /** The header and then each tree, as keys and values. */
  private static List<Map<String, String>> sections(String model) {
    List<Map<String, String>> sections = new ArrayList<>();
    Map<String, String> section = new HashMap<>();
    sections.add(section);
    for (String line : (Iterable<String>) model.lines()::iterator) {
      if (line.equals("end of trees")) {
        return sections;
      }
      if (line.startsWith("Tree=")) {
        section = new HashMap<>();
        sections.add(section);
      }
      int equals = line.indexOf('=');
      section.put(
          equals < 0 ? line : line.substring(0, equals),
          equals < 0 ? "" : line.substring(equals + 1));
    }
    throw new IllegalArgumentException("A LightGBM model without \"end of trees\"");
  }

  private static int addTree(Map<String, String> tree, TreeEnsemble.Builder ensemble) {
    String[] leaves = numbers(tree, "leaf_value");
    int[] leafNodes = new int[leaves.length];
    for (int leaf = 0; leaf < leaves.length; leaf++) {
      leafNodes[leaf] = ensemble.addLeaf(Double.parseDouble(leaves[leaf]));
    }
    if (leaves.length == 1) {
      return leafNodes[0];
    }
    String[] columns = numbers(tree, "split_feature");
    String[] thresholds = numbers(tree, "threshold");
    String[] decisions = numbers(tree, "decision_type");
    String[] left = numbers(tree, "left_child");
    String[] right = numbers(tree, "right_child");
    int[] splitNodes = new int[columns.length];
    // LightGBM numbers a split before those below it, so from the last all children are known.
    for (int split = columns.length - 1; split >= 0; split--) {
      double threshold = threshold(thresholds[split]);
      splitNodes[split] =
          ensemble.addSplit(
              Integer.parseInt(columns[split]),
              threshold,
              missingGoesLeft(Integer.parseInt(decisions[split]), threshold),
              child(Integer.parseInt(left[split]), splitNodes, leafNodes),
              child(Integer.parseInt(right[split]), splitNodes, leafNodes));
    }
    return splitNodes[0];
  }

  /** Leaves are numbered downwards from -1. */
  private static int child(int number, int[] splitNodes, int[] leafNodes) {
    return number < 0 ? leafNodes[~number] : splitNodes[number];
  }

  private static boolean missingGoesLeft(int decision, double threshold) {
    refuse((decision & CATEGORICAL) != 0, "splits by category");
    int missing = decision >> MISSING_TYPE_SHIFT & 3;
    refuse(missing != MISSING_IS_ZERO && missing != MISSING_IS_NAN, "zero as missing");
    return missing == MISSING_IS_ZERO ? 0 <= threshold : (decision & DEFAULT_LEFT) != 0;
  }

  private static double threshold(String text) {
    return switch (text) {
      case "inf" -> Double.POSITIVE_INFINITY;
      case "-inf" -> Double.NEGATIVE_INFINITY;
      default -> Double.parseDouble(text);
    };
  }

  private static String[] numbers(Map<String, String> section, String key) {
    return of(section, key).split(" ", -1);
  }

  private static String of(Map<String, String> section, String key) {
    String value = section.get(key);
    if (value == null) {
      throw new IllegalArgumentException("A LightGBM model without \"" + key + "\"");
    }
    return value;
  }

  private static void refuse(boolean present, String what) {
    if (present) {
      throw new IllegalArgumentException("A LightGBM model with " + what + " is not read");
    }
  }
}
