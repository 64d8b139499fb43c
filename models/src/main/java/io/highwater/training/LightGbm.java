package io.highwater.training;

import static com.microsoft.ml.lightgbm.lightgbmlib.*;

import com.microsoft.ml.lightgbm.SWIGTYPE_p_double;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_float;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_int;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_long_long;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_p_void;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_void;
import com.microsoft.ml.lightgbm.lightgbmlibConstants;
import org.jspecify.annotations.Nullable;

/**
 * The part of LightGBM's C interface that we use. What has native memory is freed by its {@code
 * close()}; a failure is an {@link IllegalStateException} in LightGBM's own words.
 */
final class LightGbm {
  private static final int ROW_MAJOR = 1;

  private LightGbm() {}

  /** Rows and their targets, cut into bins. */
  static final class Dataset implements AutoCloseable {
    private final SWIGTYPE_p_void handle;

    /**
     * @param rows row-major float32[n, columns]
     * @param targets float32[n]
     * @param reference whose bins are taken, for rows to validate with
     */
    Dataset(
        float[] rows,
        float[] targets,
        int columns,
        String parameters,
        @Nullable Dataset reference) {
      LightGbmLibrary.load();
      SWIGTYPE_p_p_void created = new_voidpp();
      try (Floats values = new Floats(rows)) {
        check(
            LGBM_DatasetCreateFromMat(
                values.pointer(),
                lightgbmlibConstants.C_API_DTYPE_FLOAT32,
                targets.length,
                columns,
                ROW_MAJOR,
                parameters,
                reference == null ? null : reference.handle,
                created));
        handle = voidpp_value(created);
      } finally {
        delete_voidpp(created);
      }
      try (Floats labels = new Floats(targets)) {
        check(
            LGBM_DatasetSetField(
                handle,
                "label",
                labels.pointer(),
                targets.length,
                lightgbmlibConstants.C_API_DTYPE_FLOAT32));
      } catch (IllegalStateException e) {
        close();
        throw e;
      }
    }

    @Override
    public void close() {
      check(LGBM_DatasetFree(handle));
    }
  }

  /** A model, while it is trained or to predict with. */
  static final class Booster implements AutoCloseable {
    private static final long TEXT_BYTES = 1 << 20;

    private final SWIGTYPE_p_void handle;

    private Booster(SWIGTYPE_p_void handle) {
      this.handle = handle;
    }

    static Booster toTrain(Dataset training, Dataset validation, String parameters) {
      LightGbmLibrary.load();
      SWIGTYPE_p_p_void created = new_voidpp();
      Booster booster;
      try {
        check(LGBM_BoosterCreate(training.handle, parameters, created));
        booster = new Booster(voidpp_value(created));
      } finally {
        delete_voidpp(created);
      }
      try {
        check(LGBM_BoosterAddValidData(booster.handle, validation.handle));
        return booster;
      } catch (IllegalStateException e) {
        booster.close();
        throw e;
      }
    }

    static Booster ofText(String model) {
      LightGbmLibrary.load();
      SWIGTYPE_p_p_void created = new_voidpp();
      SWIGTYPE_p_int iterations = new_intp();
      try {
        check(LGBM_BoosterLoadModelFromString(model, iterations, created));
        return new Booster(voidpp_value(created));
      } finally {
        delete_intp(iterations);
        delete_voidpp(created);
      }
    }

    /** Adds a tree, and says whether there was anything left to split. */
    boolean addTree() {
      SWIGTYPE_p_int finished = new_intp();
      try {
        check(LGBM_BoosterUpdateOneIter(handle, finished));
        return intp_value(finished) == 0;
      } finally {
        delete_intp(finished);
      }
    }

    /** The metric of the validation rows with the trees so far. */
    double validationLoss() {
      SWIGTYPE_p_int count = new_intp();
      SWIGTYPE_p_double loss = new_doubleArray(1);
      try {
        int firstValidationSet = 1;
        check(LGBM_BoosterGetEval(handle, firstValidationSet, count, loss));
        return doubleArray_getitem(loss, 0);
      } finally {
        delete_doubleArray(loss);
        delete_intp(count);
      }
    }

    /** Of each column, how much its splits in the first trees lowered the training loss. */
    double[] gain(int trees, int columns) {
      SWIGTYPE_p_double gains = new_doubleArray(columns);
      try {
        check(
            LGBM_BoosterFeatureImportance(
                handle, trees, lightgbmlibConstants.C_API_FEATURE_IMPORTANCE_GAIN, gains));
        double[] copy = new double[columns];
        for (int column = 0; column < columns; column++) {
          copy[column] = doubleArray_getitem(gains, column);
        }
        return copy;
      } finally {
        delete_doubleArray(gains);
      }
    }

    /** The first trees as LightGBM's text. */
    String text(int trees) {
      SWIGTYPE_p_long_long length = new_int64_tp();
      try {
        String text =
            LGBM_BoosterSaveModelToStringSWIG(
                handle,
                0,
                trees,
                lightgbmlibConstants.C_API_FEATURE_IMPORTANCE_GAIN,
                TEXT_BYTES,
                length);
        check(text == null ? -1 : 0);
        return text;
      } finally {
        delete_int64_tp(length);
      }
    }

    /**
     * Predicts with one thread.
     *
     * @param rows row-major float32[rowCount, columns]
     * @param out float64[rowCount]
     */
    void predict(float[] rows, int rowCount, int columns, double[] out) {
      SWIGTYPE_p_long_long length = new_int64_tp();
      SWIGTYPE_p_double predictions = new_doubleArray(rowCount);
      try (Floats values = new Floats(rows)) {
        check(
            LGBM_BoosterPredictForMat(
                handle,
                values.pointer(),
                lightgbmlibConstants.C_API_DTYPE_FLOAT32,
                rowCount,
                columns,
                ROW_MAJOR,
                lightgbmlibConstants.C_API_PREDICT_NORMAL,
                0,
                -1,
                "num_threads=1",
                length,
                predictions));
        for (int row = 0; row < rowCount; row++) {
          out[row] = doubleArray_getitem(predictions, row);
        }
      } finally {
        delete_doubleArray(predictions);
        delete_int64_tp(length);
      }
    }

    @Override
    public void close() {
      check(LGBM_BoosterFree(handle));
    }
  }

  /** A native copy of numbers. */
  private static final class Floats implements AutoCloseable {
    private final SWIGTYPE_p_float copy;

    Floats(float[] values) {
      copy = new_floatArray(values.length);
      for (int i = 0; i < values.length; i++) {
        floatArray_setitem(copy, i, values[i]);
      }
    }

    SWIGTYPE_p_void pointer() {
      return float_to_voidp_ptr(copy);
    }

    @Override
    public void close() {
      delete_floatArray(copy);
    }
  }

  private static void check(int result) {
    if (result != 0) {
      throw new IllegalStateException("LightGBM: " + LGBM_GetLastError());
    }
  }
}
