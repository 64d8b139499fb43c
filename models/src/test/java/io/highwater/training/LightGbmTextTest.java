package io.highwater.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LightGbmTextTest {
  /** Missing as the left default at the root, as 0 below it. */
  private static final String TREE =
      """
      Tree=0
      num_leaves=3
      num_cat=0
      split_feature=1 0
      split_gain=10 5
      threshold=2.5 -1
      decision_type=10 2
      left_child=1 -2
      right_child=-1 -3
      leaf_value=100 10 1
      is_linear=0
      shrinkage=0.1
      """;

  @Test
  void walksFromTheRootToTheLeaf() {
    TreeEnsemble ensemble = LightGbmText.parse(model(TREE));

    assertEquals(2, ensemble.columns());
    assertEquals(1, ensemble.trees());
    assertEquals(5, ensemble.nodes());
    assertEquals(100, ensemble.predict(new float[] {0, 2.6f}));
    assertEquals(10, ensemble.predict(new float[] {-1, 2.5f}));
    assertEquals(1, ensemble.predict(new float[] {-0.9f, 2.5f}));
  }

  @Test
  void missingGoesTheDefaultWayOrAsZero() {
    TreeEnsemble ensemble = LightGbmText.parse(model(TREE));

    assertEquals(10, ensemble.predict(new float[] {-1, Float.NaN}), "default left");
    assertEquals(1, ensemble.predict(new float[] {Float.NaN, 0}), "0 is not at most -1");
    String right = TREE.replace("decision_type=10", "decision_type=8");
    assertEquals(
        100, LightGbmText.parse(model(right)).predict(new float[] {-1, Float.NaN}), "right");
    String atZero = TREE.replace("2.5 -1", "2.5 0");
    assertEquals(
        10,
        LightGbmText.parse(model(atZero)).predict(new float[] {Float.NaN, 0}),
        "0 is at most 0");
  }

  @Test
  void addsTreesUpOneOfASingleLeafToo() {
    TreeEnsemble ensemble =
        LightGbmText.parse(
            model(
                TREE
                    + """

                    Tree=1
                    num_leaves=1
                    num_cat=0
                    split_feature=
                    threshold=
                    leaf_value=0.5
                    """));

    assertEquals(2, ensemble.trees());
    assertTrue(ensemble.isLeaf(ensemble.root(1)));
    assertFalse(ensemble.isLeaf(ensemble.root(0)));
    assertEquals(100.5, ensemble.predict(new float[] {0, 3}));
  }

  @Test
  void infiniteThresholdsTakeAllNumbers() {
    TreeEnsemble ensemble = LightGbmText.parse(model(TREE.replace("2.5 -1", "inf -inf")));

    assertEquals(1, ensemble.predict(new float[] {0, Float.POSITIVE_INFINITY}));
    assertEquals(10, ensemble.predict(new float[] {Float.NEGATIVE_INFINITY, 0}));
  }

  @Test
  void refusesWhatIsNeverTrained() {
    assertRefused("splits by category", TREE.replace("num_cat=0", "num_cat=1"));
    assertRefused("zero as missing", TREE.replace("decision_type=10", "decision_type=6"));
    assertRefused("linear leaves", TREE.replace("is_linear=0", "is_linear=1"));
    assertRefused("\"leaf_value\"", TREE.replace("leaf_value", "leaves"));
    IllegalArgumentException cut =
        assertThrows(IllegalArgumentException.class, () -> LightGbmText.parse("tree\n" + TREE));
    assertEquals("A LightGBM model without \"end of trees\"", cut.getMessage());
  }

  private static void assertRefused(String what, String tree) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> LightGbmText.parse(model(tree)));
    assertTrue(String.valueOf(refused.getMessage()).contains(what), refused.getMessage());
  }

  private static String model(String trees) {
    return """
        tree
        version=v4
        max_feature_idx=1
        objective=regression

        """
        + trees
        + "\n\nend of trees\n\nparameters:\n[num_leaves: 3]\n";
  }
}
