package io.highwater.dashboard;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ReducedMotion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** A real Chromium, and what tests ask of every page that it shows. */
final class PageBrowser implements AutoCloseable {
  private final Playwright playwright;
  private final Browser browser;
  private final List<String> complaints = new ArrayList<>();

  private PageBrowser(Playwright playwright, Browser browser) {
    this.playwright = playwright;
    this.browser = browser;
  }

  /** The Chromium that is installed; Playwright's own is never fetched. */
  static Optional<Path> chromium() {
    return Stream.of(
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
        .map(Path::of)
        .filter(Files::isExecutable)
        .findFirst();
  }

  static PageBrowser start(Path chromium) {
    Playwright playwright =
        Playwright.create(
            new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
    return new PageBrowser(
        playwright,
        playwright.chromium().launch(new BrowserType.LaunchOptions().setExecutablePath(chromium)));
  }

  BrowserContext context() {
    BrowserContext context =
        browser.newContext(
            new Browser.NewContextOptions()
                .setViewportSize(1280, 900)
                // What is fading has no contrast to speak of.
                .setReducedMotion(ReducedMotion.REDUCE));
    context.onPage(this::listen);
    return context;
  }

  /** No script of the page may fail, and its policy may have nothing to refuse. */
  private void listen(Page page) {
    page.onPageError(complaints::add);
    page.onConsoleMessage(
        message -> {
          if (message.type().equals("error")) {
            complaints.add(message.text());
          }
        });
  }

  /** What the pages have complained of since it was last asked. */
  List<String> takeComplaints() {
    List<String> taken = List.copyOf(complaints);
    complaints.clear();
    return taken;
  }

  /** What axe-core finds that is serious or critical: rule and element. */
  @SuppressWarnings("unchecked")
  static List<String> seriousFindings(Page page) throws IOException {
    if (Boolean.FALSE.equals(page.evaluate("'axe' in window"))) {
      try (InputStream axe =
          Objects.requireNonNull(PageBrowser.class.getResourceAsStream("/axe.min.js"))) {
        page.evaluate(new String(axe.readAllBytes(), StandardCharsets.UTF_8));
      }
    }
    return (List<String>)
        page.evaluate(
            """
            async () => (await axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})).violations
              .filter((v) => ['serious', 'critical'].includes(v.impact))
              .flatMap((v) => v.nodes.map((n) => v.id + ' at ' + n.target.join(' ')))
            """);
  }

  /** Goes on by keyboard until the focus is on what shows this text. */
  static void tabTo(Page page, String text) {
    for (int i = 0; i < 60; i++) {
      page.keyboard().press("Tab");
      if (text.equals(page.evaluate("document.activeElement.innerText"))) {
        return;
      }
    }
    throw new AssertionError("Tab does not reach '" + text + "'");
  }

  static Locator button(Page page, String name) {
    return page.getByRole(AriaRole.BUTTON, named(name));
  }

  static Locator button(Locator part, String name) {
    return part.getByRole(AriaRole.BUTTON, new Locator.GetByRoleOptions().setName(name));
  }

  static Locator card(Page page, String name) {
    return page.locator(".card")
        .filter(
            new Locator.FilterOptions()
                .setHas(page.locator("dt", new Page.LocatorOptions().setHasText(name))));
  }

  /** A part of a view, by its heading. */
  static Locator panel(Page page, String title) {
    return page.locator(".panel")
        .filter(new Locator.FilterOptions().setHas(page.getByRole(AriaRole.HEADING, named(title))));
  }

  static Page.GetByRoleOptions named(String name) {
    return new Page.GetByRoleOptions().setName(name);
  }

  @Override
  public void close() {
    playwright.close();
  }
}
