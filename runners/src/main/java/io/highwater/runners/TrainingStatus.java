package io.highwater.runners;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;

/** REGISTRY/CONTRACT/training-status.json: how the last training went, replaced in one step. */
final class TrainingStatus {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String FILE = "training-status.json";

  private final Path folder;

  TrainingStatus(Path registry, String contract) {
    folder = registry.resolve(contract);
  }

  void running(Instant since) throws IOException {
    write(JSON.createObjectNode().put("state", "running").put("started_at", since.toString()));
  }

  /**
   * @param gate why the model is in service, or why it is not
   */
  void done(Instant since, String version, boolean inService, String gate) throws IOException {
    write(
        JSON.createObjectNode()
            .put("state", "done")
            .put("started_at", since.toString())
            .put("ended_at", Instant.now().toString())
            .put("version", version)
            .put("in_service", inService)
            .put("gate", gate));
  }

  void failed(Instant since, String reason) throws IOException {
    write(
        JSON.createObjectNode()
            .put("state", "failed")
            .put("started_at", since.toString())
            .put("ended_at", Instant.now().toString())
            .put("reason", reason));
  }

  private void write(ObjectNode status) throws IOException {
    Files.createDirectories(folder);
    Path unfinished = folder.resolve("." + FILE + ".unfinished");
    Files.write(unfinished, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(status));
    Files.move(
        unfinished,
        folder.resolve(FILE),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }
}
