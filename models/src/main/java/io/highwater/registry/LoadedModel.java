package io.highwater.registry;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.detect.FeatureRange;
import io.highwater.detect.ForestInputs;
import io.highwater.detect.RowModel;
import io.highwater.detect.ScoringModel;
import io.highwater.features.Encodings;
import io.highwater.features.EncodingsFile;
import io.highwater.features.FeatureSet;
import io.highwater.features.Targets;
import io.highwater.record.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A version of a model with its graphs open. */
public final class LoadedModel implements AutoCloseable {
  private final Manifest manifest;
  private final ScoringModel scoring;

  private LoadedModel(Manifest manifest, ScoringModel scoring) {
    this.manifest = manifest;
    this.scoring = scoring;
  }

  /**
   * Reads a version and checks that it is whole and that it is for this contract: digests, format,
   * contract, target, subject, and each feature's definition.
   *
   * @throws ModelRefusedException where one does not hold
   */
  static LoadedModel load(
      ModelRegistry registry, String version, Contract contract, GraphOpener opener)
      throws IOException {
    Manifest manifest = registry.manifest(version);
    String name = contract.id() + "/" + version;
    Detector detector = detectorFor(contract, manifest, name);
    Map<String, byte[]> graphs = checkedFiles(registry.folderOf(version), manifest, name);
    List<RowModel> opened = new ArrayList<>();
    try {
      FeatureSet features =
          FeatureSet.of(contract, detector)
              .select(
                  manifest.features().stream().map(FeatureRange::name).toList(),
                  manifest.features().stream().map(FeatureRange::definition).toList());
      ForestInputs forestInputs = ForestInputs.of(features, manifest.shapeFeatures());
      if (!forestInputs.names().equals(manifest.forestInputs())) {
        throw new ModelRefusedException(
            name,
            "its forest takes %s, expected %s"
                .formatted(manifest.forestInputs(), forestInputs.names()));
      }
      Encodings encodings =
          EncodingsFile.read(registry.folderOf(version).resolve(ModelRegistry.ENCODINGS));
      RowModel mean = open(opener, graphs, ModelRegistry.MEAN, features.columns(), opened);
      RowModel p90 = open(opener, graphs, ModelRegistry.P90, features.columns(), opened);
      RowModel forest = open(opener, graphs, ModelRegistry.FOREST, forestInputs.columns(), opened);
      return new LoadedModel(
          manifest,
          new ScoringModel(
              version,
              features,
              forestInputs,
              encodings,
              mean,
              p90,
              forest,
              manifest.calibration().p90Shift(),
              manifest.calibration().threshold(),
              manifest.ranks(),
              manifest.features()));
    } catch (ModelRefusedException e) {
      opened.forEach(RowModel::close);
      throw e;
    } catch (IOException | RuntimeException e) {
      opened.forEach(RowModel::close);
      throw new ModelRefusedException(name, String.valueOf(e.getMessage()));
    }
  }

  private static Detector detectorFor(Contract contract, Manifest manifest, String name)
      throws ModelRefusedException {
    Detector detector = contract.detector();
    if (detector == null) {
      throw new ModelRefusedException(name, "the contract declares no detector");
    }
    require(name, "contract", manifest.contract(), contract.id());
    require(name, "target", manifest.target(), Targets.definition(detector));
    require(name, "subject", manifest.subject(), detector.subject());
    return detector;
  }

  private static void require(String name, String what, Object found, Object expected)
      throws ModelRefusedException {
    if (!found.equals(expected)) {
      throw new ModelRefusedException(
          name, "its %s is %s, expected %s".formatted(what, found, expected));
    }
  }

  private static Map<String, byte[]> checkedFiles(Path folder, Manifest manifest, String name)
      throws IOException {
    Map<String, byte[]> contents = new HashMap<>();
    for (String file : ModelRegistry.FILES) {
      byte[] content;
      try {
        content = Files.readAllBytes(folder.resolve(file));
      } catch (NoSuchFileException e) {
        throw new ModelRefusedException(name, "its file " + file + " is missing");
      }
      if (!Sha256.hex(content).equals(manifest.files().get(file))) {
        throw new ModelRefusedException(
            name, "its file " + file + " is damaged: its SHA-256 is not that of the manifest");
      }
      contents.put(file, content);
    }
    return contents;
  }

  private static RowModel open(
      GraphOpener opener,
      Map<String, byte[]> files,
      String file,
      int columns,
      List<RowModel> opened)
      throws IOException {
    RowModel model = opener.open(files.getOrDefault(file, new byte[0]), columns);
    opened.add(model);
    return model;
  }

  public Manifest manifest() {
    return manifest;
  }

  public ScoringModel scoring() {
    return scoring;
  }

  /** Closes the graphs. */
  @Override
  public void close() {
    scoring.mean().close();
    scoring.p90().close();
    scoring.forest().close();
  }
}
