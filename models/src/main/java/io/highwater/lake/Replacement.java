package io.highwater.lake;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The content of an hour's marker, which puts files in the place of others in one step. It is also
 * the hour's ledger: a file that went out stays out, though a replay may bring it back.
 *
 * <p>It is written last, when all that goes in is there. What goes out may be deleted, but some
 * minutes later: a reader may just have listed it.
 *
 * @param generation letters, digits and '_'; new for each replacement
 * @param in names of files that count from now on; each carries the generation
 * @param out names of files that no longer count, of the stream or of earlier generations
 */
public record Replacement(String generation, List<String> in, List<String> out) {
  private static final ObjectMapper JSON = new ObjectMapper();

  public Replacement {
    in = in.stream().distinct().sorted().toList();
    out = out.stream().distinct().sorted().toList();
    for (String name : in) {
      if (!generation.equals(LakeNames.generationOf(name))) {
        throw new IllegalArgumentException(
            "'" + name + "' is to go in but does not carry the generation '" + generation + "'");
      }
      if (out.contains(name)) {
        throw new IllegalArgumentException("'" + name + "' is to go both in and out");
      }
    }
    for (String name : out) {
      if (!LakeNames.isData(name) || name.indexOf('/') >= 0) {
        throw new IllegalArgumentException(
            "'" + name + "' is to go out but is not the name of a file of rows");
      }
    }
  }

  /** The name of the marker's file. */
  public String markerName() {
    return LakeNames.marker(generation);
  }

  /** {"generation": ..., "in": [...], "out": [...]}; equal replacements give equal bytes. */
  public byte[] toJson() {
    ObjectNode root = JSON.createObjectNode().put("generation", generation);
    ArrayNode inNode = root.putArray("in");
    in.forEach(inNode::add);
    ArrayNode outNode = root.putArray("out");
    out.forEach(outNode::add);
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote; further members are ignored.
   *
   * @throws IllegalArgumentException for anything else
   */
  public static Replacement fromJson(byte[] json) {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "not JSON from line %d, column %d on"
              .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr()),
          e);
    } catch (IOException e) {
      throw new IllegalArgumentException("not JSON: " + e.getMessage(), e);
    }
    if (!root.path("generation").isTextual()) {
      throw new IllegalArgumentException("'generation' is not a text");
    }
    return new Replacement(
        root.get("generation").textValue(), names(root, "in"), names(root, "out"));
  }

  private static List<String> names(JsonNode root, String member) {
    List<String> names = new ArrayList<>();
    JsonNode array = root.path(member);
    if (!array.isArray()) {
      throw new IllegalArgumentException("'" + member + "' is not an array of texts");
    }
    for (JsonNode name : array) {
      if (!name.isTextual()) {
        throw new IllegalArgumentException("'" + member + "' is not an array of texts");
      }
      names.add(name.textValue());
    }
    return names;
  }
}
