package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.greaterThan;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Page;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Prints how long the largest content of each view of a dashboard that runs already takes to be
 * there (https://web.dev/articles/lcp), each time in a browser that has nothing of it yet.
 */
@EnabledIfSystemProperty(
    named = PaintIT.ADDRESS,
    matches = "http.+",
    disabledReason = "it measures a dashboard that runs, whose address was not given")
class PaintIT {
  static final String ADDRESS = "highwater.dashboard";

  private static final int TIMES = 7;

  /** The paint that counts is the last one; two seconds later there is no other. */
  private static final String LARGEST_PAINT =
      """
      () => new Promise(done => {
        let paint = 0;
        new PerformanceObserver(list => list.getEntries().forEach(e => { paint = e.startTime; }))
          .observe({ type: 'largest-contentful-paint', buffered: true });
        setTimeout(() => done(paint), 2000);
      })
      """;

  @Test
  void printsWhenTheLargestContentOfEachViewIsThere() {
    Optional<Path> chromium = PageBrowser.chromium();
    assumeTrue(chromium.isPresent(), "no Chromium is installed; Debian's package is chromium");
    try (PageBrowser browser = PageBrowser.start(chromium.orElseThrow())) {
      for (String view : PageIT.VIEWS) {
        double[] millis = new double[TIMES];
        for (int i = 0; i < TIMES; i++) {
          millis[i] = largestPaintMillis(browser, view);
        }
        Arrays.sort(millis);
        assertThat(view, millis[0], greaterThan(0.0));
        System.out.printf(
            Locale.ROOT,
            "view=%s largest_paint_p50_ms=%.0f largest_paint_max_ms=%.0f%n",
            view,
            millis[TIMES / 2],
            millis[TIMES - 1]);
      }
    }
  }

  private static double largestPaintMillis(PageBrowser browser, String view) {
    try (BrowserContext context = browser.context()) {
      Page page = context.newPage();
      page.navigate(System.getProperty(ADDRESS) + "/?view=" + view);
      return ((Number) page.evaluate(LARGEST_PAINT)).doubleValue();
    }
  }
}
