package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.io.fs.MatchResult;
import org.apache.beam.sdk.io.fs.MoveOptions.StandardMoveOptions;
import org.apache.beam.sdk.io.fs.ResolveOptions.StandardResolveOptions;
import org.apache.beam.sdk.io.fs.ResourceId;
import org.apache.beam.sdk.util.MimeTypes;
import org.jspecify.annotations.Nullable;

/**
 * The lake's folder on any of Beam's file systems. A file appears whole or not at all: by rename
 * where that is one step, by a single PUT where a rename would be copy and delete.
 *
 * @param root without a slash at its end
 */
record LakeFolder(String root) implements Serializable {
  LakeFolder {
    while (root.endsWith("/")) {
      root = root.substring(0, root.length() - 1);
    }
    if (root.isEmpty()) {
      throw new IllegalArgumentException("lake is empty; expected a folder");
    }
    if (LakeNames.readsLikeAPattern(root)) {
      throw new IllegalArgumentException(
          "lake is '" + root + "'; expected a folder without any of * ? [ ] { } \\ in its path");
    }
  }

  /** The name follows from the content alone, so that writing it again changes nothing. */
  String nameOf(Table table, @Nullable String generation, List<byte[]> content, String extension) {
    String digest = LakeNames.digest(content);
    return generation == null
        ? LakeNames.stream(table.folder(), digest, extension)
        : LakeNames.generation(generation, digest, extension);
  }

  /** Writes {@code content}, replacing a file of that name. */
  void write(Contract contract, Table table, long epochHour, String name, byte[] content)
      throws IOException {
    ResourceId target = file(directory(contract, table, epochHour), name);
    try {
      write(target, content);
    } catch (IOException e) {
      // "No space left on device" alone does not say on which.
      throw new IOException("Cannot write " + target, e);
    }
  }

  private static void write(ResourceId target, byte[] content) throws IOException {
    boolean renames = target.getScheme().equals("file");
    ResourceId written =
        renames
            ? target
                .getCurrentDirectory()
                .resolve("." + target.getFilename() + ".part", StandardResolveOptions.RESOLVE_FILE)
            : target;
    try (WritableByteChannel channel = FileSystems.create(written, MimeTypes.BINARY)) {
      ByteBuffer buffer = ByteBuffer.wrap(content);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    }
    if (renames) {
      FileSystems.rename(
          List.of(written), List.of(target), StandardMoveOptions.IGNORE_MISSING_FILES);
    }
  }

  /** The names of the files of an hour, also those that do not count. */
  List<String> list(Contract contract, Table table, long epochHour) throws IOException {
    MatchResult match = FileSystems.match(directory(contract, table, epochHour) + "/*");
    if (match.status() == MatchResult.Status.NOT_FOUND) {
      return List.of();
    }
    return match.metadata().stream()
        .map(metadata -> metadata.resourceId().getFilename())
        .map(String::valueOf)
        .toList();
  }

  private String directory(Contract contract, Table table, long epochHour) {
    return root + "/" + new LakeHour(contract.id(), table.folder(), epochHour).directory();
  }

  private static ResourceId file(String directory, String name) {
    return FileSystems.matchNewResource(directory + "/" + name, false);
  }
}
