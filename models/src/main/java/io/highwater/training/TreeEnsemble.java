package io.highwater.training;

import java.util.Arrays;

/**
 * Binary decision trees over rows of numbers, whose values add up. Nodes are numbered through all
 * trees; a row goes left at a split where its value is at most the threshold, and where it is
 * missing (NaN) as the split says. An immutable value.
 */
public final class TreeEnsemble {
  private static final int NONE = -1;

  private final int columns;
  private final int[] roots;
  private final int[] column;
  private final double[] threshold;
  private final boolean[] missingGoesLeft;
  private final int[] left;
  private final int[] right;
  private final double[] value;

  private TreeEnsemble(Builder builder) {
    columns = builder.columns;
    roots = Arrays.copyOf(builder.roots, builder.trees);
    column = Arrays.copyOf(builder.column, builder.nodes);
    threshold = Arrays.copyOf(builder.threshold, builder.nodes);
    missingGoesLeft = Arrays.copyOf(builder.missingGoesLeft, builder.nodes);
    left = Arrays.copyOf(builder.left, builder.nodes);
    right = Arrays.copyOf(builder.right, builder.nodes);
    value = Arrays.copyOf(builder.value, builder.nodes);
  }

  /** How many numbers a row has. */
  public int columns() {
    return columns;
  }

  public int trees() {
    return roots.length;
  }

  public int nodes() {
    return value.length;
  }

  /** The number of the node at which a tree begins. */
  public int root(int tree) {
    return roots[tree];
  }

  public boolean isLeaf(int node) {
    return left[node] == NONE;
  }

  /** The column that a split asks for. */
  public int column(int node) {
    return column[node];
  }

  public double threshold(int node) {
    return threshold[node];
  }

  public boolean missingGoesLeft(int node) {
    return missingGoesLeft[node];
  }

  public int left(int node) {
    return left[node];
  }

  public int right(int node) {
    return right[node];
  }

  /** What a leaf adds. */
  public double value(int node) {
    return value[node];
  }

  /** The sum of the leaves that a row falls into. */
  public double predict(float[] row) {
    return predict(row, 0);
  }

  /**
   * As {@link #predict(float[])}, for one row of many.
   *
   * @param offset where the row begins
   */
  public double predict(float[] rows, int offset) {
    double sum = 0;
    for (int root : roots) {
      int node = root;
      while (left[node] != NONE) {
        float number = rows[offset + column[node]];
        boolean goesLeft = Float.isNaN(number) ? missingGoesLeft[node] : number <= threshold[node];
        node = goesLeft ? left[node] : right[node];
      }
      sum += value[node];
    }
    return sum;
  }

  /** Collects nodes; children may be added before or after their split. */
  public static final class Builder {
    private final int columns;
    private int trees;
    private int nodes;
    private int[] roots = new int[16];
    private int[] column = new int[64];
    private double[] threshold = new double[64];
    private boolean[] missingGoesLeft = new boolean[64];
    private int[] left = new int[64];
    private int[] right = new int[64];
    private double[] value = new double[64];

    public Builder(int columns) {
      this.columns = columns;
    }

    public void addRoot(int node) {
      if (trees == roots.length) {
        roots = Arrays.copyOf(roots, 2 * trees);
      }
      roots[trees++] = node;
    }

    /** Returns the node's number: they are numbered as they are added, from 0. */
    public int addLeaf(double leafValue) {
      int node = add(NONE, NONE);
      value[node] = leafValue;
      return node;
    }

    /** As {@link #addLeaf}; a child may be named before it is added. */
    public int addSplit(
        int splitColumn, double splitThreshold, boolean missingLeft, int leftNode, int rightNode) {
      if (splitColumn < 0 || splitColumn >= columns) {
        throw new IllegalArgumentException(
            "column %d of a split, of %d columns".formatted(splitColumn, columns));
      }
      int node = add(leftNode, rightNode);
      column[node] = splitColumn;
      threshold[node] = splitThreshold;
      missingGoesLeft[node] = missingLeft;
      return node;
    }

    private int add(int leftNode, int rightNode) {
      if (nodes == value.length) {
        column = Arrays.copyOf(column, 2 * nodes);
        threshold = Arrays.copyOf(threshold, 2 * nodes);
        missingGoesLeft = Arrays.copyOf(missingGoesLeft, 2 * nodes);
        left = Arrays.copyOf(left, 2 * nodes);
        right = Arrays.copyOf(right, 2 * nodes);
        value = Arrays.copyOf(value, 2 * nodes);
      }
      left[nodes] = leftNode;
      right[nodes] = rightNode;
      return nodes++;
    }

    public TreeEnsemble build() {
      return new TreeEnsemble(this);
    }
  }
}
