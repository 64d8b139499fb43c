package io.highwater.registry;

import io.highwater.features.Encodings;

/**
 * What a training hands to the registry.
 *
 * @param meanGraph ONNX, float32[n, d] features to milliseconds
 * @param p90Graph likewise, not calibrated
 * @param forestGraph ONNX, float32[n, k] forest inputs to a score
 * @param manifest its version, time of making and files are set when it is published
 */
public record TrainedModel(
    byte[] meanGraph,
    byte[] p90Graph,
    byte[] forestGraph,
    Encodings encodings,
    Manifest manifest) {}
