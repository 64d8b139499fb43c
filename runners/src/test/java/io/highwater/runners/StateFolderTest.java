package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.allOf;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.pipelines.UsageException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateFolderTest {
  @TempDir Path directory;

  @Test
  void goesOnFromTheNewestThatIsComplete() throws Exception {
    try (StateFolder state = new StateFolder(directory)) {
      checkpoint(state, "chk-1", 1_000, 0);
      Path second = checkpoint(state, "chk-2", 2_000, 0);
      Files.createDirectories(state.checkpoints().resolve("job/chk-3"));
      assertThat(state.newest(), is(Optional.of(second)));
    }
  }

  @Test
  void isOfOneStreamAtATime() throws Exception {
    try (StateFolder ignored = new StateFolder(directory)) {
      UsageException refused = assertThrows(UsageException.class, () -> new StateFolder(directory));
      assertThat(refused.getMessage(), containsString("is in use by another stream"));
    }
    new StateFolder(directory).close();
  }

  @Test
  void clearsAwayWhatAKilledStreamLeft() throws Exception {
    try (StateFolder killed = new StateFolder(directory)) {
      Path left = Files.createDirectories(killed.newTemporary().resolve("blobs"));
      Files.writeString(left.resolve("blob"), "something");
    }
    try (StateFolder state = new StateFolder(directory);
        Stream<Path> files = Files.list(state.newTemporary())) {
      assertThat(files.toList(), is(empty()));
    }
  }

  @Test
  void refusesADamagedOneRatherThanDoublingRowsFromTheOneBefore() throws Exception {
    try (StateFolder state = new StateFolder(directory)) {
      checkpoint(state, "chk-1", 1_000, 0);
      Path damaged = checkpoint(state, "chk-2", 2_000, 5);
      CommandFailedException refused = assertThrows(CommandFailedException.class, state::newest);
      assertThat(
          refused.getMessage(),
          allOf(
              startsWith("the newest checkpoint " + damaged + " is damaged (EOFException"),
              containsString("delete it to go on from the one before it")));
    }
  }

  private static Path checkpoint(StateFolder state, String name, long millis, int bytesLost)
      throws IOException {
    Path folder = Files.createDirectories(state.checkpoints().resolve("job").resolve(name));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Checkpoints.storeCheckpointMetadata(new CheckpointMetadata(1, List.of(), List.of()), out);
    byte[] bytes = out.toByteArray();
    Path metadata = folder.resolve("_metadata");
    Files.write(metadata, Arrays.copyOf(bytes, bytes.length - bytesLost));
    Files.setLastModifiedTime(metadata, FileTime.fromMillis(millis));
    return folder;
  }
}
