package io.highwater.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.highwater.detect.Calibration;
import io.highwater.detect.FeatureRange;
import io.highwater.detect.GroupRanks;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What is known of a version of a model. Times are ISO 8601 in UTC, durations in milliseconds.
 *
 * @param formatVersion {@link #FORMAT_VERSION} of what wrote it
 * @param contract the id of the contract
 * @param version sorts by the time of its making
 * @param target what is predicted: {@link io.highwater.features.Targets#definition}
 * @param subject of the detector
 * @param features in the order of the models' columns, with their ranges in training
 * @param shapeFeatures in the order of the forest's last columns
 * @param forestInputs the names of the forest's columns
 * @param metrics by name, for people
 * @param ranks of the reference policy
 * @param files SHA-256 in hexadecimal by the name of each other file of the version
 * @param data digests of what it was trained on, by name
 * @param tools versions by name
 * @param heldOut on the newest held-out day
 * @param gate whether it was let into service, and why
 */
public record Manifest(
    int formatVersion,
    String contract,
    String contractVersion,
    String version,
    String createdAt,
    String target,
    List<String> subject,
    Training training,
    List<FeatureRange> features,
    List<String> shapeFeatures,
    List<String> forestInputs,
    Map<String, Double> metrics,
    Calibration calibration,
    GroupRanks ranks,
    Map<String, String> files,
    Map<String, String> data,
    Map<String, String> tools,
    HeldOutMetrics heldOut,
    GateDecision gate) {
  public static final int FORMAT_VERSION = 1;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  /**
   * What it was trained on.
   *
   * @param from the event time of the first row
   * @param to that of the last
   * @param rows that were learned from, after sampling
   * @param heldOutFrom the event time from which rows were held out for calibration
   */
  public record Training(String from, String to, long rows, String heldOutFrom, long heldOutRows) {}

  public Manifest {
    subject = List.copyOf(subject);
    features = List.copyOf(features);
    shapeFeatures = List.copyOf(shapeFeatures);
    forestInputs = List.copyOf(forestInputs);
    metrics = Map.copyOf(metrics);
    files = Map.copyOf(files);
    data = Map.copyOf(data);
    tools = Map.copyOf(tools);
  }

  /** The same with a version, when it was made, and its files. */
  Manifest published(String newVersion, String newCreatedAt, Map<String, String> newFiles) {
    return new Manifest(
        formatVersion,
        contract,
        contractVersion,
        newVersion,
        newCreatedAt,
        target,
        subject,
        training,
        features,
        shapeFeatures,
        forestInputs,
        metrics,
        calibration,
        ranks,
        new TreeMap<>(newFiles),
        data,
        tools,
        heldOut,
        gate);
  }

  /** Equal manifests give equal bytes. */
  byte[] toJson() {
    try {
      return JSON.writeValueAsBytes(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote; further members are ignored.
   *
   * @param name of the model in messages
   * @throws ModelRefusedException for anything else
   */
  static Manifest fromJson(byte[] json, String name) throws ModelRefusedException {
    try {
      int format = JSON.readTree(json).path("formatVersion").asInt(0);
      if (format != FORMAT_VERSION) {
        throw new ModelRefusedException(
            name,
            "its manifest has the format version %d, expected %d"
                .formatted(format, FORMAT_VERSION));
      }
      return JSON.readValue(json, Manifest.class);
    } catch (ModelRefusedException e) {
      throw e;
    } catch (JsonProcessingException e) {
      throw new ModelRefusedException(name, "its manifest is damaged: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new ModelRefusedException(name, "its manifest is damaged: " + e.getMessage());
    }
  }
}
