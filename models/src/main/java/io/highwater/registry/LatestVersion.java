package io.highwater.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The content of latest.json.
 *
 * @param version in service
 * @param since when it was put there, ISO 8601 in UTC
 * @param previous those that were in service before, the latest first
 */
public record LatestVersion(String version, String since, List<String> previous) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_PREVIOUS = 50;

  public LatestVersion {
    previous = previous.stream().limit(MAX_PREVIOUS).toList();
  }

  byte[] toJson() {
    ObjectNode root = JSON.createObjectNode().put("version", version).put("since", since);
    ArrayNode names = root.putArray("previous");
    previous.forEach(names::add);
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws IOException for anything else, in one line
   */
  static LatestVersion fromJson(byte[] json) throws IOException {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IOException("latest.json is damaged: " + e.getOriginalMessage(), e);
    }
    String version = root.path("version").asText("");
    if (!ModelRegistry.isVersion(version)) {
      throw new IOException("latest.json is damaged: '" + version + "' is no version");
    }
    List<String> previous = new ArrayList<>();
    for (JsonNode name : root.path("previous")) {
      if (ModelRegistry.isVersion(name.asText(""))) {
        previous.add(name.asText());
      }
    }
    return new LatestVersion(version, root.path("since").asText(""), previous);
  }
}
