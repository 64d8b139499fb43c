package io.highwater.runners;

import io.highwater.record.ErrorCode;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A message and what is to become of it.
 *
 * @param code why it is rejected; null where it is accepted
 */
record QueryMessage(byte[] value, Query query, @Nullable ErrorCode code) {
  /** Generated queries, as many of them broken as the settings say. */
  static Iterator<QueryMessage> generate(Settings settings) {
    QueryGenerator queries = QueryGenerator.of(settings);
    QueryFormat format = QueryFormat.json();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return queries.hasNext();
      }

      @Override
      public QueryMessage next() {
        Query query = queries.next();
        return new QueryMessage(format.toBytes(query), query, codeOf(query.defect()));
      }
    };
  }

  static List<QueryMessage> generateAll(Settings settings) {
    List<QueryMessage> messages = new ArrayList<>();
    generate(settings).forEachRemaining(messages::add);
    return messages;
  }

  private static @Nullable ErrorCode codeOf(Query.Defect defect) {
    return switch (defect) {
      case NONE -> null;
      case MALFORMED -> ErrorCode.MALFORMED_JSON;
      case WRONG_TYPE -> ErrorCode.WRONG_TYPE;
      case MISSING_FIELD -> ErrorCode.MISSING_REQUIRED;
      case OUT_OF_RANGE -> ErrorCode.OUT_OF_RANGE;
    };
  }
}
