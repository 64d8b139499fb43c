package io.highwater.dashboard;

import io.highwater.registry.LatestVersion;
import io.highwater.registry.Manifest;
import io.highwater.registry.ModelRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What the API tells of a contract's models. The registry may not be there yet, or be damaged: what
 * cannot be read is told in error and does not keep the rest from being told.
 */
final class ModelVersions {
  private final @Nullable Path root;
  private final @Nullable ModelRegistry registry;

  /** A version never changes, and the page asks for it every second. */
  private final Map<String, Manifest> manifests = new ConcurrentHashMap<>();

  /**
   * Of a registry.
   *
   * @param root what --registry names; null where there is none
   */
  ModelVersions(@Nullable Path root, String contract) {
    this.root = root;
    this.registry = root == null ? null : ModelRegistry.of(root, contract);
  }

  /**
   * The model in service: the registry's, without one that of the newest event that was scored.
   *
   * @param newestScored model_version and event_time, null where none was scored
   */
  Map<String, @Nullable Object> inService(Map<String, @Nullable Object> newestScored) {
    Object scoredVersion = newestScored.get("model_version");
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("version", scoredVersion);
    json.put("since", null);
    json.put("registry", root == null ? null : root.toString());
    json.put("newest_scored_version", scoredVersion);
    json.put("newest_scored_event", newestScored.get("event_time"));
    json.put("error", null);
    if (registry == null) {
      return json;
    }
    try {
      LatestVersion latest = registry.latest();
      if (latest != null) {
        json.put("version", latest.version());
        json.put("since", latest.since());
        json.putAll(told(manifest(registry, latest.version())));
      }
    } catch (IOException e) {
      json.put("error", reason(e));
    }
    return json;
  }

  /** Every version, the newest first. */
  Map<String, @Nullable Object> all() {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    List<Map<String, @Nullable Object>> versions = new ArrayList<>();
    json.put("registry", root == null ? null : root.toString());
    json.put("version", null);
    json.put("since", null);
    json.put("error", null);
    json.put("versions", versions);
    if (registry == null) {
      return json;
    }
    try {
      for (String version : registry.versions()) {
        versions.add(0, told(registry, version));
      }
      LatestVersion latest = registry.latest();
      if (latest != null) {
        json.put("version", latest.version());
        json.put("since", latest.since());
      }
    } catch (IOException e) {
      json.put("error", reason(e));
    }
    return json;
  }

  private Map<String, @Nullable Object> told(ModelRegistry from, String version) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("version", version);
    json.put("error", null);
    try {
      json.putAll(told(manifest(from, version)));
    } catch (IOException e) {
      json.put("error", reason(e));
    }
    return json;
  }

  private static Map<String, @Nullable Object> told(Manifest manifest) {
    Map<String, @Nullable Object> training = new LinkedHashMap<>();
    training.put("from", manifest.training().from());
    training.put("to", manifest.training().to());
    training.put("rows", manifest.training().rows());
    Map<String, @Nullable Object> heldOut = new LinkedHashMap<>();
    heldOut.put("day", manifest.heldOut().day());
    heldOut.put("rows", manifest.heldOut().rows());
    heldOut.put("pinball_loss", manifest.heldOut().pinballLoss());
    heldOut.put("coverage", manifest.heldOut().coverage());
    Map<String, @Nullable Object> gate = new LinkedHashMap<>();
    gate.put("accepted", manifest.gate().accepted());
    gate.put("reason", manifest.gate().reason());
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("created_at", manifest.createdAt());
    json.put("alert_budget", manifest.calibration().alertBudget());
    json.put("training", training);
    json.put("held_out", heldOut);
    json.put("gate", gate);
    return json;
  }

  private Manifest manifest(ModelRegistry from, String version) throws IOException {
    Manifest known = manifests.get(version);
    if (known == null) {
      known = from.manifest(version);
      manifests.put(version, known);
    }
    return known;
  }

  private static String reason(IOException e) {
    return SafeText.shorten(SafeText.escape(String.valueOf(e.getMessage())), Rows.MAX_TEXT);
  }
}
