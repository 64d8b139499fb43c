package io.highwater.registry;

import io.highwater.features.EncodingsFile;
import io.highwater.lake.FileTree;
import io.highwater.record.Sha256;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The models of one contract in a folder: {@code DIR/CONTRACT/VERSION/} holds graphs, encodings and
 * manifest, {@code DIR/CONTRACT/latest.json} names the version in service. A version is there whole
 * or not at all, and never changes; latest.json is replaced in one step. So a reader needs no lock.
 * Of two that publish at the same time both versions are kept and the later one serves.
 */
public final class ModelRegistry {
  /** So many versions are kept, and the one in service. */
  public static final int DEFAULT_KEEP_VERSIONS = 10;

  static final String MEAN = "mean.onnx";
  static final String P90 = "p90.onnx";
  static final String FOREST = "forest.onnx";
  static final String ENCODINGS = "encodings.arrow";
  static final String MANIFEST = "manifest.json";
  static final List<String> FILES = List.of(MEAN, P90, FOREST, ENCODINGS);

  private static final String LATEST = "latest.json";
  private static final String TEMPORARY = ".tmp-";
  private static final Pattern VERSION = Pattern.compile("\\d{8}T\\d{9}Z");
  private static final DateTimeFormatter VERSION_OF_TIME =
      DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmssSSS'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

  private final Path folder;
  private final String contract;

  private ModelRegistry(Path folder, String contract) {
    this.folder = folder;
    this.contract = contract;
  }

  /**
   * The registry of a contract; the folder need not be there.
   *
   * @param root what {@code --registry} names
   * @param contract its id
   */
  public static ModelRegistry of(Path root, String contract) {
    return new ModelRegistry(root.resolve(contract), contract);
  }

  static boolean isVersion(String name) {
    return VERSION.matcher(name).matches();
  }

  /**
   * Writes a new version, and puts it into service if its gate accepted it. Then deletes the oldest
   * versions beyond those to keep, never the one in service.
   *
   * @return the version's name
   */
  public String publish(TrainedModel model, Instant now, int keepVersions) throws IOException {
    if (keepVersions < 1) {
      throw new IllegalArgumentException(
          "keepVersions is " + keepVersions + ", expected 1 or more");
    }
    Files.createDirectories(folder);
    Instant time = now.truncatedTo(ChronoUnit.MILLIS);
    while (Files.exists(folder.resolve(VERSION_OF_TIME.format(time)))) {
      time = time.plusMillis(1);
    }
    String version = VERSION_OF_TIME.format(time);
    // Not of createTempDirectory, which others than the owner may not read.
    Path temporary = Files.createDirectory(folder.resolve(temporaryName()));
    try {
      write(temporary.resolve(MEAN), model.meanGraph());
      write(temporary.resolve(P90), model.p90Graph());
      write(temporary.resolve(FOREST), model.forestGraph());
      EncodingsFile.write(model.encodings(), temporary.resolve(ENCODINGS));
      force(temporary.resolve(ENCODINGS));
      Map<String, String> digests = new TreeMap<>();
      for (String name : FILES) {
        digests.put(name, Sha256.hex(Files.readAllBytes(temporary.resolve(name))));
      }
      Manifest manifest = model.manifest().published(version, time.toString(), digests);
      write(temporary.resolve(MANIFEST), manifest.toJson());
      force(temporary);
      Files.move(temporary, folder.resolve(version), StandardCopyOption.ATOMIC_MOVE);
      force(folder);
    } catch (IOException | RuntimeException e) {
      FileTree.delete(temporary);
      throw e;
    }
    if (model.manifest().gate().accepted()) {
      promote(version, now);
    }
    deleteOldest(keepVersions);
    return version;
  }

  /**
   * Puts a version into service.
   *
   * @return what was done, for people
   * @throws ModelRefusedException where there is no such version
   */
  public String promote(String version, Instant now) throws IOException {
    manifest(version);
    LatestVersion latest = latest();
    if (latest != null && latest.version().equals(version)) {
      return "%s is in service since %s".formatted(version, latest.since());
    }
    List<String> previous = new ArrayList<>();
    if (latest != null) {
      previous.add(latest.version());
      previous.addAll(latest.previous());
    }
    replaceLatest(new LatestVersion(version, now.toString(), previous));
    return latest == null
        ? version + " is in service now"
        : version + " is in service now in place of " + latest.version();
  }

  /**
   * Puts the version into service that was there before; those deleted since are passed over.
   *
   * @return what was done, for people
   * @throws IOException where there is none, in one line
   */
  public String rollback(Instant now) throws IOException {
    LatestVersion latest = latest();
    List<String> versions = versions();
    List<String> previous = latest == null ? List.of() : latest.previous();
    for (int i = 0; i < previous.size(); i++) {
      String version = previous.get(i);
      if (versions.contains(version) && latest != null) {
        manifest(version);
        replaceLatest(
            new LatestVersion(version, now.toString(), previous.subList(i + 1, previous.size())));
        return version + " is in service again in place of " + latest.version();
      }
    }
    throw new IOException(
        "contract '%s' has no version to go back to in %s".formatted(contract, folder));
  }

  /** All versions as a table, the newest first; the one in service is marked. */
  public String list() throws IOException {
    List<String> versions = new ArrayList<>(versions());
    if (versions.isEmpty()) {
      return "contract '%s' has no models in %s".formatted(contract, folder);
    }
    versions.sort(Comparator.reverseOrder());
    LatestVersion latest = latest();
    StringBuilder text = new StringBuilder();
    String line = "%-19s  %-10s  %9s  %12s  %8s  %s%n";
    text.append(
        String.format(
            Locale.ROOT, line, "version", "state", "rows", "pinball loss", "coverage", "gate"));
    for (String version : versions) {
      String state = latest != null && latest.version().equals(version) ? "in service" : "";
      try {
        Manifest manifest = manifest(version);
        text.append(
            String.format(
                Locale.ROOT,
                line,
                version,
                state,
                manifest.training().rows(),
                String.format(Locale.ROOT, "%.4f", manifest.heldOut().pinballLoss()),
                String.format(Locale.ROOT, "%.1f %%", 100 * manifest.heldOut().coverage()),
                manifest.gate().accepted() ? "accepted" : "refused"));
      } catch (ModelRefusedException e) {
        text.append(
            String.format(Locale.ROOT, "%-19s  %-10s  %s%n", version, state, e.getMessage()));
      }
    }
    return text.toString().stripTrailing();
  }

  /** The manifest of a version as JSON. */
  public String show(String version) throws IOException {
    return new String(manifest(version).toJson(), StandardCharsets.UTF_8);
  }

  /**
   * The manifest of a version.
   *
   * @throws ModelRefusedException where there is no such version, or it is damaged
   */
  public Manifest manifest(String version) throws IOException {
    String name = contract + "/" + version;
    if (!isVersion(version)) {
      throw new ModelRefusedException(name, "a version is a time such as 20240416T120000000Z");
    }
    try {
      return Manifest.fromJson(Files.readAllBytes(folder.resolve(version).resolve(MANIFEST)), name);
    } catch (NoSuchFileException e) {
      throw new ModelRefusedException(name, "there is no such version in " + folder);
    }
  }

  /** The version in service; null where there is none. */
  public @Nullable String servedVersion() throws IOException {
    LatestVersion latest = latest();
    return latest == null ? null : latest.version();
  }

  /**
   * Which version is in service, and since when; null where there is none.
   *
   * @throws IOException in one line, where latest.json is damaged or cannot be read
   */
  public @Nullable LatestVersion latest() throws IOException {
    try {
      return LatestVersion.fromJson(Files.readAllBytes(folder.resolve(LATEST)));
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /** All versions, the oldest first. */
  public List<String> versions() throws IOException {
    List<String> versions = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        String name = String.valueOf(entry.getFileName());
        if (isVersion(name)) {
          versions.add(name);
        }
      }
    } catch (NoSuchFileException e) {
      return List.of();
    }
    versions.sort(Comparator.naturalOrder());
    return versions;
  }

  Path folderOf(String version) {
    return folder.resolve(version);
  }

  private void replaceLatest(LatestVersion latest) throws IOException {
    Path temporary = folder.resolve(temporaryName());
    write(temporary, latest.toJson());
    Files.move(
        temporary,
        folder.resolve(LATEST),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    force(folder);
  }

  private void deleteOldest(int keepVersions) throws IOException {
    List<String> versions = versions();
    String served = servedVersion();
    for (int i = 0; i < versions.size() - keepVersions; i++) {
      if (versions.get(i).equals(served)) {
        continue;
      }
      // Out of sight first, so that half of it is never taken for a version.
      Path gone = folder.resolve(TEMPORARY + versions.get(i));
      Files.move(folder.resolve(versions.get(i)), gone, StandardCopyOption.ATOMIC_MOVE);
      FileTree.delete(gone);
    }
  }

  private static String temporaryName() {
    return TEMPORARY + UUID.randomUUID();
  }

  private static void write(Path file, byte[] bytes) throws IOException {
    Files.write(file, bytes, StandardOpenOption.CREATE_NEW);
    force(file);
  }

  /** Makes a file's content, or the names in a folder, survive a loss of power. */
  private static void force(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
