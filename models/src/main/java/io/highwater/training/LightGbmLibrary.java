package io.highwater.training;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Loads LightGBM's native library, once a JVM. The class of lightgbm4j that would do it unpacks to
 * one path for all processes, where each overwrites what another one has mapped into its memory.
 */
final class LightGbmLibrary {
  private static boolean loaded;

  private LightGbmLibrary() {}

  /**
   * @throws IllegalStateException if there is none for this machine, or what it needs is missing
   */
  static synchronized void load() {
    if (loaded) {
      return;
    }
    try {
      Path folder = Files.createTempDirectory("lightgbm");
      loadFrom(folder, "lib_lightgbm");
      loadFrom(folder, "lib_lightgbm_swig");
      Files.delete(folder);
    } catch (IOException | UnsatisfiedLinkError e) {
      throw new IllegalStateException(
          "LightGBM's library cannot be loaded (it needs OpenMP: libgomp1 on Debian, libomp on"
              + " macOS): "
              + e.getMessage(),
          e);
    }
    loaded = true;
  }

  /** What is loaded stays mapped without its file. */
  private static void loadFrom(Path folder, String name) throws IOException {
    boolean mac = System.getProperty("os.name").startsWith("Mac");
    String architecture = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    String fileName = name + (mac ? ".dylib" : ".so");
    String resource =
        "/lightgbm4j/%s/%s/%s"
            .formatted(
                mac ? "osx" : "linux",
                architecture.equals("aarch64") ? "aarch64" : "x86_64",
                fileName);
    Path file = folder.resolve(fileName);
    try (InputStream library = LightGbmLibrary.class.getResourceAsStream(resource)) {
      if (library == null) {
        throw new FileNotFoundException("no " + resource + " on the class path");
      }
      Files.copy(library, file);
      System.load(file.toString());
    } finally {
      Files.deleteIfExists(file);
    }
  }
}
