package io.highwater.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Lists the files that Redshift's COPY is to load, each with its size, which COPY asks for with
 * Parquet: https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html.
 */
final class Manifest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Manifest() {}

  static String name(ExportTable table) {
    return table.folder() + ".manifest";
  }

  /**
   * @param prefix what the files' paths are relative to, such as s3://bucket/path
   */
  static byte[] of(ExportedTable table, String prefix) {
    ObjectNode root = JSON.createObjectNode();
    ArrayNode entries = root.putArray("entries");
    for (ExportedTable.HourFile file : table.hours()) {
      ObjectNode entry = entries.addObject();
      entry.put("url", prefix + "/" + file.path());
      entry.put("mandatory", true);
      entry.putObject("meta").put("content_length", file.bytes());
    }
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
