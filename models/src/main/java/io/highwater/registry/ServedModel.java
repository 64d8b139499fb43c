package io.highwater.registry;

import io.highwater.contract.Contract;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The model of a contract that is in service, one in a JVM for each registry and contract, however
 * many ask for it. Looks for another version at most every 10 s, reads it while the old one still
 * scores, and closes the old one when nobody scores with it any more. A version that is refused
 * leaves the old one in service; why is logged once, and it is tried again, as it may be mended.
 *
 * <p>Thread-safe. {@link #open} in a setup, {@link #close} in a teardown, {@link #lease} for each
 * bundle: so a version changes between two batches.
 */
public final class ServedModel implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ServedModel.class);
  private static final long LOOK_EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);

  private record Key(Path registry, String contract) {}

  private static final Map<Key, Shared> SHARED = new ConcurrentHashMap<>();

  private final Key key;
  private final Shared shared;
  private boolean closed;

  private ServedModel(Key key, Shared shared) {
    this.key = key;
    this.shared = shared;
  }

  /**
   * The model in service, read before this returns if there is one and this JVM has not yet.
   *
   * @param registry what {@code --registry} names; need not be there yet
   */
  public static ServedModel open(Path registry, Contract contract, GraphOpener opener) {
    return open(
        registry,
        contract,
        opener,
        System::nanoTime,
        task -> {
          Thread thread = new Thread(task, "model-registry");
          thread.setDaemon(true);
          thread.start();
        });
  }

  static ServedModel open(
      Path registry,
      Contract contract,
      GraphOpener opener,
      LongSupplier nanoTime,
      Executor background) {
    Key key = new Key(registry.toAbsolutePath().normalize(), contract.id());
    Shared shared =
        Objects.requireNonNull(
            SHARED.compute(
                key,
                (of, open) -> {
                  Shared used = open;
                  if (used == null) {
                    used =
                        new Shared(
                            ModelRegistry.of(registry, contract.id()),
                            contract,
                            opener,
                            nanoTime,
                            background);
                    used.refresh();
                  }
                  used.users++;
                  return used;
                }));
    return new ServedModel(key, shared);
  }

  /** The model in service now, to be given back; null while there is none. */
  public @Nullable Lease lease() {
    return shared.lease();
  }

  /**
   * A version that was in service once, to be given back; kept open for as long as this is another
   * one than that in service is asked for.
   *
   * @throws ModelRefusedException where it is gone, or cannot be used any more
   */
  public Lease lease(String version) throws IOException {
    return shared.lease(version);
  }

  /** Closes the model with the last of those who opened it, and when all leases are given back. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    SHARED.computeIfPresent(
        key,
        (of, used) -> {
          used.users--;
          if (used.users > 0) {
            return used;
          }
          used.end();
          return null;
        });
  }

  /** The use of a model. */
  public static final class Lease implements AutoCloseable {
    private final Counted counted;
    private boolean closed;

    private Lease(Counted counted) {
      this.counted = counted;
    }

    public LoadedModel model() {
      return counted.model;
    }

    /** Gives the model back. */
    @Override
    public void close() {
      if (!closed) {
        closed = true;
        counted.release();
      }
    }
  }

  /** A model that closes when nobody uses it; being in service is a use. */
  private static final class Counted {
    private final LoadedModel model;
    private int uses = 1;

    Counted(LoadedModel model) {
      this.model = model;
    }

    synchronized void retain() {
      uses++;
    }

    synchronized void release() {
      uses--;
      if (uses == 0) {
        model.close();
      }
    }
  }

  private static final class Shared {
    private final ModelRegistry registry;
    private final Contract contract;
    private final GraphOpener opener;
    private final LongSupplier nanoTime;
    private final Executor background;

    /** How many have opened it; guarded by the map's entry. */
    private int users;

    private @Nullable Counted current;
    private @Nullable Counted other;
    private boolean isLooking;
    private boolean isEnded;
    private long lookedAtNanos;
    private String lastProblem = "";

    Shared(
        ModelRegistry registry,
        Contract contract,
        GraphOpener opener,
        LongSupplier nanoTime,
        Executor background) {
      this.registry = registry;
      this.contract = contract;
      this.opener = opener;
      this.nanoTime = nanoTime;
      this.background = background;
      this.lookedAtNanos = nanoTime.getAsLong();
    }

    @Nullable Lease lease() {
      boolean look = false;
      Lease lease = null;
      synchronized (this) {
        if (!isLooking && nanoTime.getAsLong() - lookedAtNanos >= LOOK_EVERY_NANOS) {
          isLooking = true;
          look = true;
        }
        if (current != null) {
          current.retain();
          lease = new Lease(current);
        }
      }
      if (look) {
        background.execute(this::refresh);
      }
      return lease;
    }

    /** One other version is kept, as rows of two versions meet only where it has just changed. */
    synchronized Lease lease(String version) throws IOException {
      if (!version.equals(servedVersion())
          && (other == null || !version.equals(versionOf(other)))) {
        LoadedModel loaded = LoadedModel.load(registry, version, contract, opener);
        if (other != null) {
          other.release();
        }
        other = new Counted(loaded);
      }
      Counted asked = version.equals(servedVersion()) ? current : other;
      Objects.requireNonNull(asked).retain();
      return new Lease(asked);
    }

    private static String versionOf(Counted counted) {
      return counted.model.manifest().version();
    }

    /** Puts the registry's version into service, if it is another one and can be read. */
    void refresh() {
      String problem = "";
      try {
        String version = registry.servedVersion();
        if (version != null && !version.equals(servedVersion())) {
          take(LoadedModel.load(registry, version, contract, opener));
        }
      } catch (IOException | RuntimeException e) {
        problem = String.valueOf(e.getMessage());
      }
      synchronized (this) {
        if (!problem.isEmpty() && !problem.equals(lastProblem)) {
          LOG.warn("{}; {}", problem, inService());
        }
        lastProblem = problem;
        lookedAtNanos = nanoTime.getAsLong();
        isLooking = false;
      }
    }

    private synchronized String inService() {
      return current == null
          ? "rows stay without scores"
          : "version " + current.model.manifest().version() + " stays in service";
    }

    private synchronized @Nullable String servedVersion() {
      return current == null ? null : current.model.manifest().version();
    }

    private synchronized void take(LoadedModel model) {
      if (isEnded) {
        model.close();
        return;
      }
      Counted old = current;
      current = new Counted(model);
      LOG.info("model {} {} is in service", contract.id(), model.manifest().version());
      if (old != null) {
        old.release();
      }
    }

    synchronized void end() {
      isEnded = true;
      if (current != null) {
        current.release();
        current = null;
      }
      if (other != null) {
        other.release();
        other = null;
      }
    }
  }
}
