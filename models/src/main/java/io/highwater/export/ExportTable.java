package io.highwater.export;

import io.highwater.contract.Contract;
import io.highwater.record.RecordSchemas;
import io.highwater.rollup.RollUpSchema;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.arrow.vector.types.pojo.Schema;

/** The tables of the lake that can be exported. */
public enum ExportTable {
  EVENTS {
    @Override
    Schema schema(Contract contract) {
      return RecordSchemas.events(contract);
    }

    @Override
    String timeColumn(Contract contract) {
      return contract.eventTime();
    }

    @Override
    List<String> key(Contract contract) {
      return contract.key();
    }

    @Override
    List<String> precedence(Contract contract) {
      return List.of(
          SqlText.quoted(contract.eventTime()),
          SqlText.quoted(RecordSchemas.TOPIC),
          SqlText.quoted(RecordSchemas.PARTITION),
          SqlText.quoted(RecordSchemas.OFFSET));
    }
  },
  ROLLUPS {
    @Override
    Schema schema(Contract contract) {
      return RollUpSchema.of(contract);
    }

    @Override
    String timeColumn(Contract contract) {
      return RollUpSchema.WINDOW_START;
    }

    @Override
    List<String> key(Contract contract) {
      List<String> key = new ArrayList<>();
      key.add(RollUpSchema.WINDOW_START);
      key.add(RollUpSchema.WINDOW_MILLIS);
      key.addAll(contract.rollUp().keys());
      return key;
    }

    @Override
    List<String> precedence(Contract contract) {
      return List.of(
          SqlText.quoted(RollUpSchema.RUN_ID) + " DESC",
          SqlText.quoted(RollUpSchema.PANE_INDEX) + " DESC");
    }
  };

  abstract Schema schema(Contract contract);

  /** The column that says into which hour a row belongs. */
  abstract String timeColumn(Contract contract);

  /** What identifies a row where a row is to be there once. */
  abstract List<String> key(Contract contract);

  /** Of the rows of one key, the first in this order counts: terms of ORDER BY. */
  abstract List<String> precedence(Contract contract);

  /** Its folder in the lake and in the export. */
  public String folder() {
    return name().toLowerCase(Locale.ROOT);
  }
}
