package io.highwater.lake;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileTreeTest {
  @TempDir Path directory;

  @Test
  void deletesWhatAnotherIsDeletingToo() throws Exception {
    for (int round = 0; round < 20; round++) {
      Path tree = Files.createDirectory(directory.resolve("tree" + round));
      for (int folder = 0; folder < 50; folder++) {
        Path files = Files.createDirectory(tree.resolve("folder" + folder));
        for (int file = 0; file < 5; file++) {
          Files.writeString(files.resolve("file" + file), "state");
        }
      }
      CompletableFuture<Void> other =
          CompletableFuture.runAsync(
              () -> {
                try {
                  FileTree.delete(tree);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      FileTree.delete(tree);
      other.get();
      assertThat(Files.exists(tree), is(false));
    }
  }
}
