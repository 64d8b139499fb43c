package io.highwater.export;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.highwater.contract.Contract;
import io.highwater.lake.FileTree;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import io.highwater.lake.LakeTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes what counts in a lake as one Parquet file a table and hour, {@code
 * CONTRACT/TABLE/date=YYYY-MM-DD/hour=HH/TABLE-DIGEST.parquet}, with the target's script.
 *
 * <p>A file's name follows from the files of the lake that it holds: an hour that has not changed
 * is not written again. Files appear whole, and one is put in the place of another in one step. In
 * the end the folder has what this export has and nothing of an earlier one; what is not an
 * export's stays. One export a folder at a time.
 */
public final class LakeExport {
  private static final String LOCK = ".lock";
  private static final String TEMPORARY = ".temporary";
  private static final Pattern EXPORTED =
      Pattern.compile(
          "/(events|rollups)/date=[0-9-]{10}/hour=[0-9]{2}/\\1-[0-9a-f]{16}\\.parquet$");

  private final Settings settings;
  private final Contract contract;
  private final Path folder;

  /**
   * What to export, and where to.
   *
   * @param tables in the order in which they are exported
   * @param from the first hour; null for the lake's first
   * @param to behind the last hour; null for the lake's last
   * @param prefix where the folder of the contract is to be found later, without '/' at its end
   * @param iamRole for {@link ExportTarget#REDSHIFT}: may read the files
   */
  public record Settings(
      Path lake,
      Path output,
      Contract contract,
      ExportTarget target,
      List<ExportTable> tables,
      @Nullable Instant from,
      @Nullable Instant to,
      String prefix,
      String iamRole) {
    public Settings {
      tables = List.copyOf(tables);
    }
  }

  private LakeExport(Settings settings) {
    this.settings = settings;
    this.contract = settings.contract();
    this.folder = settings.output().resolve(contract.id());
  }

  /**
   * Exports, and returns what the folder has now.
   *
   * @throws IOException with one line that says what cannot be read or written
   */
  public static List<ExportedTable> run(Settings settings) throws IOException {
    LakeExport export = new LakeExport(settings);
    Files.createDirectories(export.folder);
    try (FileChannel channel =
            FileChannel.open(
                export.folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = tryLock(channel)) {
      if (lock == null) {
        throw new IOException("another export is writing into " + export.folder);
      }
      return export.run();
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private List<ExportedTable> run() throws IOException {
    Path temporary = folder.resolve(TEMPORARY);
    FileTree.delete(temporary);
    Files.createDirectories(temporary);
    try {
      List<ExportedTable> exported = new ArrayList<>();
      for (ExportTable table : settings.tables()) {
        exported.add(export(table, temporary));
      }
      Set<String> scripts = new HashSet<>();
      String prefix = settings.prefix() + "/" + contract.id();
      String script = settings.target().script();
      if (settings.target() == ExportTarget.REDSHIFT) {
        for (ExportedTable table : exported) {
          String name = Manifest.name(table.table());
          write(temporary, name, Manifest.of(table, prefix));
          scripts.add(name);
        }
        write(
            temporary,
            script,
            new RedshiftScript(contract, prefix, settings.iamRole())
                .text(exported)
                .getBytes(UTF_8));
      } else {
        write(temporary, script, new DuckDbScript(contract, prefix).text(exported).getBytes(UTF_8));
      }
      scripts.add(script);
      deleteStale(exported, scripts);
      return exported;
    } finally {
      FileTree.delete(temporary);
    }
  }

  private ExportedTable export(ExportTable table, Path temporary) throws IOException {
    LakeTable rows = LakeTable.of(settings.lake(), contract.id(), table.folder());
    Instant from = settings.from();
    Instant to = settings.to();
    long first = from == null ? Long.MIN_VALUE : LakeHour.epochHour(from.toEpochMilli());
    long last = to == null ? Long.MAX_VALUE : LakeHour.epochHour(to.toEpochMilli() - 1);
    TreeSet<Long> hours = new TreeSet<>();
    rows.filesBetween(first, last).forEach(file -> hours.add(file.hour().epochHour()));
    List<ExportedTable.HourFile> exported = new ArrayList<>();
    int written = 0;
    try (HourWriter writer =
        HourWriter.open(settings.target(), table, contract, temporary.resolve("spilled"))) {
      for (long hour : hours) {
        // Asked again, as what counted when the export began may be gone by now.
        List<LakeFile> files = rows.files(hour);
        if (files.isEmpty()) {
          continue;
        }
        String directory = directoryOf(files.get(0).hour());
        String name = nameOf(table, files, writer.definition());
        Path file = folder.resolve(directory).resolve(name);
        if (!Files.exists(file)) {
          Path unfinished = temporary.resolve("hour.parquet");
          if (writer.write(files, unfinished) == 0) {
            continue;
          }
          replace(unfinished, folder.resolve(directory), name);
          written++;
        }
        exported.add(new ExportedTable.HourFile(hour, directory + "/" + name, Files.size(file)));
      }
      return new ExportedTable(
          table,
          exported,
          written,
          from != null && to != null
              ? List.of(new ExportedTable.HourRange(first, last))
              : ranges(hours),
          writer.cutTexts());
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** Relative to the contract's folder, as in the lake. */
  private static String directoryOf(LakeHour hour) {
    return hour.directory().substring(hour.contract().length() + 1);
  }

  private static String nameOf(ExportTable table, List<LakeFile> files, String definition) {
    List<byte[]> parts = new ArrayList<>();
    parts.add(definition.getBytes(UTF_8));
    files.forEach(file -> parts.add(file.name().getBytes(UTF_8)));
    return LakeNames.stream(table.folder(), LakeNames.digest(parts), LakeNames.PARQUET);
  }

  /** Puts a file in the place of the hour's earlier one, so that no reader sees both or none. */
  private static void replace(Path unfinished, Path hour, String name) throws IOException {
    Files.createDirectories(hour);
    List<Path> earlier = filesOf(hour);
    if (earlier.isEmpty()) {
      Files.move(unfinished, hour.resolve(name), StandardCopyOption.ATOMIC_MOVE);
      return;
    }
    Files.move(unfinished, earlier.get(0), StandardCopyOption.ATOMIC_MOVE);
    Files.move(earlier.get(0), hour.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    for (Path other : earlier.subList(1, earlier.size())) {
      Files.delete(other);
    }
  }

  private void write(Path temporary, String name, byte[] content) throws IOException {
    Path unfinished = Files.write(temporary.resolve(name), content);
    Files.move(unfinished, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  private void deleteStale(List<ExportedTable> exported, Set<String> scripts) throws IOException {
    for (ExportTarget target : ExportTarget.values()) {
      deleteUnless(scripts, target.script());
    }
    Set<Path> kept = new HashSet<>();
    for (ExportedTable table : exported) {
      table.hours().forEach(hour -> kept.add(folder.resolve(hour.path())));
    }
    for (ExportTable table : ExportTable.values()) {
      deleteUnless(scripts, Manifest.name(table));
      for (Path file : filesOf(folder.resolve(table.folder()))) {
        if (!kept.contains(file)) {
          Files.delete(file);
          deleteEmptyParents(file);
        }
      }
    }
  }

  private void deleteUnless(Set<String> kept, String name) throws IOException {
    if (!kept.contains(name)) {
      Files.deleteIfExists(folder.resolve(name));
    }
  }

  /** The files below a folder that an export has written. */
  private static List<Path> filesOf(Path parent) throws IOException {
    if (!Files.isDirectory(parent)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(parent)) {
      return files.filter(file -> EXPORTED.matcher(file.toString()).find()).sorted().toList();
    }
  }

  private void deleteEmptyParents(Path file) throws IOException {
    Path parent = file.getParent();
    try {
      while (parent != null && !parent.equals(folder)) {
        Files.delete(parent);
        parent = parent.getParent();
      }
    } catch (DirectoryNotEmptyException e) {
      // It stays, and so do those above it.
    }
  }

  /** Neighbouring hours as one. */
  private static List<ExportedTable.HourRange> ranges(SortedSet<Long> hours) {
    List<ExportedTable.HourRange> ranges = new ArrayList<>();
    for (long hour : hours) {
      int end = ranges.size() - 1;
      if (end >= 0 && ranges.get(end).last() == hour - 1) {
        ranges.set(end, new ExportedTable.HourRange(ranges.get(end).first(), hour));
      } else {
        ranges.add(new ExportedTable.HourRange(hour, hour));
      }
    }
    return ranges;
  }
}
