package io.highwater.dashboard;

import java.nio.file.Path;
import java.time.InstantSource;

/** A process that loads a lake and says after every poll how many files it has; it is killed. */
final class LoadingProcess {
  private LoadingProcess() {}

  /** Arguments: lake, store. */
  public static void main(String[] arguments) throws Exception {
    DashboardConfig config =
        DashboardConfig.of(Path.of(arguments[0]), SampleLake.CONTRACT)
            .withStore(Path.of(arguments[1]));
    try (HotStore store = HotStore.open(config, InstantSource.system())) {
      while (!Thread.currentThread().isInterrupted()) {
        store.poll();
        System.out.println(store.status().filesLoaded());
        System.out.flush();
      }
    }
  }
}
