package io.highwater.runners.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.registry.Manifest;
import io.highwater.registry.ModelRegistry;
import io.highwater.runners.CommandFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What the demo's {@code train --follow} has come to, told once. */
final class DemoTraining {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final DemoProcess process;
  private final ModelRegistry models;
  private final Path status;
  private String told = "";

  /**
   * @param registry its {@code --registry}
   */
  DemoTraining(DemoProcess process, Path registry, String contract) {
    this.process = process;
    this.models = ModelRegistry.of(registry, contract);
    this.status = registry.resolve(contract).resolve("training-status.json");
  }

  /** A line for each step of a training; null while there is nothing new. */
  @Nullable String news() {
    String now = now();
    if (now.equals(told)) {
      return null;
    }
    told = now;
    return now;
  }

  private String now() {
    try {
      // The stream goes on without: a machine may lack what LightGBM needs.
      process.failIfDead();
      JsonNode last = JSON.readTree(Files.readAllBytes(status));
      return switch (last.path("state").asText()) {
        case "running" -> "training a model";
        case "done" -> done(last);
        default -> "no new model: " + last.path("reason").asText();
      };
    } catch (NoSuchFileException e) {
      return told;
    } catch (CommandFailedException | IOException e) {
      return "no new models: " + e.getMessage();
    }
  }

  private String done(JsonNode last) throws IOException {
    String version = last.path("version").asText();
    Manifest manifest = models.manifest(version);
    return String.format(
        Locale.ROOT,
        "model %s %s, trained in %d s on %,d queries until %s: %s",
        version,
        last.path("in_service").asBoolean() ? "in service" : "not put into service",
        Duration.between(
                Instant.parse(last.path("started_at").asText()),
                Instant.parse(last.path("ended_at").asText()))
            .toSeconds(),
        manifest.training().rows(),
        manifest.heldOut().day(),
        last.path("gate").asText());
  }
}
