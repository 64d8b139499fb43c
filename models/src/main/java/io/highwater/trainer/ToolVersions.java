package io.highwater.trainer;

import ai.onnxruntime.OrtEnvironment;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;

/** Versions of what a model was made with. */
final class ToolVersions {
  private static final String LIGHTGBM4J = "/META-INF/maven/io.github.metarank/lightgbm4j/";

  private ToolVersions() {}

  static Map<String, String> all() {
    return Map.of(
        "java", System.getProperty("java.version", "unknown"),
        "lightgbm4j", lightGbm(),
        "onnxruntime", OrtEnvironment.getEnvironment().getVersion());
  }

  private static String lightGbm() {
    Properties properties = new Properties();
    try (InputStream file = ToolVersions.class.getResourceAsStream(LIGHTGBM4J + "pom.properties")) {
      if (file != null) {
        properties.load(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version", "unknown");
  }
}
