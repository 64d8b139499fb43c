package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import io.highwater.lake.Replacement;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.io.fs.MatchResult;
import org.apache.beam.sdk.io.fs.MoveOptions.StandardMoveOptions;
import org.apache.beam.sdk.io.fs.ResolveOptions.StandardResolveOptions;
import org.apache.beam.sdk.io.fs.ResourceId;
import org.apache.beam.sdk.util.MimeTypes;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lake's folder on any of Beam's file systems. A file appears whole or not at all: by rename
 * where that is one step, by a single PUT where a rename would be copy and delete.
 *
 * @param root without a slash at its end
 */
record LakeFolder(String root) implements Serializable {
  private static final Logger LOG = LoggerFactory.getLogger(LakeFolder.class);

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

  /**
   * Writes {@code content}, replacing a file of that name; but not a file of rows that was
   * replaced: a stream that goes on from an older checkpoint may bring it again. Readers would not
   * count it; this is for those that know nothing of markers, and spares the disk. So the names in
   * the hour's folder are listed once a file: 1 ms of the 3 to 5 ms that a file takes with 2,000
   * others beside it.
   */
  void write(Contract contract, Table table, long epochHour, String name, byte[] content)
      throws IOException {
    write(directory(contract, table, epochHour) + "/" + name, content);
  }

  /** Writes a file, of the lake or not, whole or not at all, replacing one of that name. */
  static void write(String file, byte[] content) throws IOException {
    ResourceId target = FileSystems.matchNewResource(file, false);
    try {
      write(target, content);
    } catch (IOException e) {
      // "No space left on device" alone does not say on which.
      throw new IOException("Cannot write " + target, e);
    }
  }

  private static void write(ResourceId target, byte[] content) throws IOException {
    boolean renames = isLocal(target);
    if (isOut(target)) {
      return;
    }
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

  /** Whether the hour's markers say that a file of this name was replaced. */
  private static boolean isOut(ResourceId file) throws IOException {
    String name = String.valueOf(file.getFilename());
    if (!LakeNames.isData(name)) {
      return false;
    }
    for (ResourceId marker : markers(file.getCurrentDirectory())) {
      try (InputStream in = Channels.newInputStream(FileSystems.open(marker))) {
        if (Replacement.fromJson(in.readAllBytes()).out().contains(name)) {
          LOG.info("{} is not written again: {} has replaced it", file, marker.getFilename());
          return true;
        }
      } catch (IllegalArgumentException e) {
        LOG.error("{} is damaged and is taken for not there: {}", marker, e.getMessage());
      }
    }
    return false;
  }

  private static List<ResourceId> markers(ResourceId folder) throws IOException {
    if (!isLocal(folder)) {
      return match(folder.toString(), LakeNames.MARKERS);
    }
    // Beam's local file system would look at every file of the folder.
    List<ResourceId> markers = new ArrayList<>();
    Path path = Path.of(folder.toString());
    if (Files.isDirectory(path)) {
      try (DirectoryStream<Path> found = Files.newDirectoryStream(path, LakeNames.MARKERS)) {
        for (Path marker : found) {
          markers.add(file(path.toString(), marker.getFileName().toString()));
        }
      }
    }
    return markers;
  }

  /** By the epoch hour, the names of a table's files of rows, also of those that do not count. */
  Map<Long, List<String>> namesByHour(Contract contract, Table table) throws IOException {
    Map<Long, List<String>> names = new TreeMap<>();
    String folder = root + "/" + contract.id() + "/" + table.folder();
    for (ResourceId file : match(folder, "/date=*/hour=*/*")) {
      String path = file.getCurrentDirectory().toString();
      String name = String.valueOf(file.getFilename());
      if (LakeNames.isData(name)) {
        String hour = path.substring(path.lastIndexOf("/date=") + 1);
        names
            .computeIfAbsent(
                LakeHour.parse(contract.id() + "/" + table.folder() + "/" + hour).epochHour(),
                unused -> new ArrayList<>())
            .add(name);
      }
    }
    return names;
  }

  /** Writes a file of a generation that is not there yet, beside the contract's tables. */
  void writeNote(Contract contract, String generation, String name, byte[] content)
      throws IOException {
    write(file(notes(contract, generation), name), content);
  }

  /** What {@link #writeNote} wrote, by name. */
  Map<String, byte[]> readNotes(Contract contract, String generation) throws IOException {
    Map<String, byte[]> notes = new TreeMap<>();
    for (ResourceId note : match(notes(contract, generation), "/*.json")) {
      try (InputStream in = Channels.newInputStream(FileSystems.open(note))) {
        notes.put(String.valueOf(note.getFilename()), in.readAllBytes());
      }
    }
    return notes;
  }

  void deleteNotes(Contract contract, String generation) throws IOException {
    String folder = notes(contract, generation);
    FileSystems.delete(match(folder, "/*.json"), StandardMoveOptions.IGNORE_MISSING_FILES);
    ResourceId directory = FileSystems.matchNewResource(folder, true);
    if (isLocal(directory)) {
      Files.deleteIfExists(Path.of(folder));
    }
  }

  private String notes(Contract contract, String generation) {
    return root + "/" + contract.id() + "/_generation-" + generation;
  }

  /** None where the folder is not there: Beam would look for it in all folders above. */
  private static List<ResourceId> match(String folder, String pattern) throws IOException {
    if (isLocal(FileSystems.matchNewResource(folder, true))
        && !Files.isDirectory(Path.of(folder))) {
      return List.of();
    }
    MatchResult match = FileSystems.match(folder + pattern);
    return match.status() == MatchResult.Status.NOT_FOUND
        ? List.of()
        : match.metadata().stream().map(MatchResult.Metadata::resourceId).toList();
  }

  private static boolean isLocal(ResourceId resource) {
    return resource.getScheme().equals("file");
  }

  private String directory(Contract contract, Table table, long epochHour) {
    return root + "/" + new LakeHour(contract.id(), table.folder(), epochHour).directory();
  }

  private static ResourceId file(String directory, String name) {
    return FileSystems.matchNewResource(directory + "/" + name, false);
  }
}
