package io.highwater.dashboard;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.ReducedMotion;
import io.highwater.record.Compression;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The page as people use it, in a real Chromium against a real server; its numbers equal SQL over
 * the lake. Skipped where no Chromium is installed.
 */
class PageIT {
  private static final int HOURS = 54;
  private static final int SCORED_HOURS = 4;
  private static final int INSTANCES = 24;
  private static final Instant END = SampleLake.START.plus(Duration.ofHours(HOURS));
  private static final List<String> VIEWS =
      List.of("overview", "outliers", "queries", "advice", "pipeline");

  @TempDir private static Path folder;
  private static @Nullable SampleLake lake;
  private static @Nullable DashboardServer server;
  private static @Nullable Playwright playwright;
  private static @Nullable Browser browser;
  private static int port;

  private final List<String> complaints = new ArrayList<>();
  private @Nullable BrowserContext context;

  @BeforeAll
  static void startServerAndBrowser() throws Exception {
    Optional<Path> chromium = chromium();
    assumeTrue(
        chromium.isPresent(),
        "no Chromium is installed, so the page is not tested; Debian's package is chromium");
    lake = fillLake(folder.resolve("lake"));
    server = DashboardServer.start(config().withPort(0));
    port = server.port();
    DashboardClient.whenReady(port);
    playwright =
        Playwright.create(
            new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
    browser =
        playwright
            .chromium()
            .launch(new BrowserType.LaunchOptions().setExecutablePath(chromium.orElseThrow()));
  }

  @AfterAll
  static void stopServerAndBrowser() throws Exception {
    if (playwright != null) {
      playwright.close();
    }
    if (server != null) {
      server.close();
    }
    if (lake != null) {
      lake.close();
    }
  }

  @BeforeEach
  void openBrowser() {
    context = browserContext(1280, ColorScheme.LIGHT);
  }

  @AfterEach
  void closeBrowser() {
    Objects.requireNonNull(context).close();
    assertThat("errors of the page", complaints, is(empty()));
  }

  @Test
  void aLinkShowsTheSameRangeAndInstances() throws Exception {
    Page page = open("");
    button(page, "1 week").click();
    button(page, "All instances").click();
    page.getByPlaceholder("Find an instance").fill("13");
    page.getByRole(AriaRole.CHECKBOX, named("13")).check();
    page.keyboard().press("Escape");
    button(page, "Remove instance 13").waitFor();
    String queries =
        grouped(
            sql("rollups", "SELECT sum(queries) FROM " + rollups() + " WHERE instance_id = 13"));
    assertThat(card(page, "Queries/s")).containsText(queries + " queries");
    assertThat(page.url(), containsString("window=1week&ids=13"));

    Page linked = Objects.requireNonNull(context).newPage();
    linked.navigate(page.url());
    assertThat(card(linked, "Queries/s")).containsText(queries + " queries");
    assertThat(button(linked, "1 week")).hasAttribute("aria-pressed", "true");

    page.goBack();
    assertThat(button(page, "Remove instance 13")).hasCount(0);
  }

  @Test
  void aRangeOfOnesOwnGivesItsFigures() throws Exception {
    Page page = open("");
    button(page, "Custom").click();
    page.getByLabel("From (UTC)").fill("2024-03-02T06:00");
    page.getByLabel("To (UTC)").fill("2024-03-02T05:00");
    assertThat(button(page, "Show this range")).isDisabled();
    page.getByLabel("To (UTC)").fill("2024-03-02T11:00");
    button(page, "Show this range").click();
    assertThat(card(page, "Queries/s"))
        .containsText(
            grouped(
                    sql(
                        "rollups",
                        "SELECT sum(queries) FROM "
                            + rollups()
                            + " WHERE window_start >= '2024-03-02 06:00'"
                            + " AND window_start < '2024-03-02 11:00'"))
                + " queries");
    assertThat(page.url(), containsString("from=2024-03-02T06:00:00Z&to=2024-03-02T11:00:00Z"));
  }

  @Test
  void instancesAreSortedAndChosenInTheTable() {
    Page page = open("");
    Locator table = page.getByRole(AriaRole.REGION, named("Instances")).locator("table");
    table.getByRole(AriaRole.BUTTON, new Locator.GetByRoleOptions().setName("Spilled")).click();
    assertThat(table.locator("th[aria-sort=descending]")).containsText("Spilled");
    Locator first = table.locator("tbody tr").first();
    String instance = first.locator(".id").innerText();
    first.click();
    assertThat(first).hasClass(Pattern.compile("selected"));
    assertThat(page.url(), containsString("ids=" + instance + "&sort=-spilled_mb"));
  }

  @Test
  void filtersTakeTheOutliersThatSqlTakes() throws Exception {
    Page page = open("?view=outliers&fold=false");
    page.getByLabel("Severity").selectOption("critical");
    page.getByLabel("Type").selectOption("select");
    long expected =
        sql(
            "outliers",
            "SELECT count(*) FROM $files WHERE severity = 'critical' AND query_type = 'select'");
    assertThat(expected, greaterThan(0L));
    assertThat(page.locator(".tools.foot")).containsText("of " + expected);
    for (String severity : page.locator("tbody .severity").allInnerTexts()) {
      assertThat(severity, is("Critical"));
    }
    Download csv = page.waitForDownload(() -> page.getByRole(AriaRole.LINK, named("CSV")).click());
    assertThat((long) Files.readAllLines(csv.path()).size(), is(expected + 1));
  }

  @Test
  void anOutlierOpensToItsRecordAndTakesFeedback() throws Exception {
    Page page = open("?view=outliers");
    Locator row = page.locator("tbody tr").first();
    row.getByRole(AriaRole.BUTTON).click();
    Locator drawer = page.getByRole(AriaRole.DIALOG, named("Outlier"));
    assertThat(drawer).containsText("of what was to be expected at most");
    assertThat(drawer).containsText("Predicted");
    assertThat(page.url(), containsString("outlier="));
    drawer.getByLabel("Note").fill("a load of \"history\", as every month");
    drawer.getByRole(AriaRole.BUTTON, new Locator.GetByRoleOptions().setName("Wrong")).click();
    assertThat(drawer.locator(".said")).containsText("as every month");
    page.keyboard().press("Escape");
    assertThat(drawer).hasCount(0);
    assertThat(row.getByRole(AriaRole.BUTTON)).isFocused();
    assertThat(row).containsText("wrong");
    assertThat(
        sql(
            "feedback",
            "SELECT count(*) FROM $files WHERE verdict = 'wrong'"
                + " AND note = 'a load of \"history\", as every month'"),
        is(1L));
  }

  @Test
  void anAlertsLinkOpensItsOutlier() throws Exception {
    String id =
        new DashboardClient(port).json("/api/anomalies?limit=1").at("/rows/0/outlier_id").asText();
    Page page = open("#outlier=" + id);
    assertThat(page.getByRole(AriaRole.DIALOG, named("Outlier"))).containsText("Duration score");
    assertThat(page.url(), containsString("?view=outliers&outlier=" + id));
  }

  @Test
  void everythingIsReachedByKeyboard() {
    Page page = open("");
    card(page, "Queries/s").waitFor();
    tabTo(page, "Outliers");
    page.keyboard().press("Enter");
    assertThat(page.getByRole(AriaRole.LINK, named("Outliers")).first())
        .hasAttribute("aria-current", "page");
    page.locator("tbody tr").first().waitFor();
    tabTo(page, page.locator("tbody .open").first().innerText());
    page.keyboard().press("Enter");
    assertThat(page.getByRole(AriaRole.DIALOG, named("Outlier"))).isVisible();
    page.keyboard().press("Escape");
    assertThat(page.getByRole(AriaRole.DIALOG, named("Outlier"))).hasCount(0);
  }

  @Test
  void aPausedPageStaysAsItIsAndCatchesUp() throws Exception {
    Page page = open("?ids=3");
    Page running = open("?ids=3");
    Locator queries = card(page, "Queries/s").locator(".below");
    queries.waitFor();
    String before = Objects.requireNonNull(queries.textContent());
    assertThat(card(running, "Queries/s").locator(".below")).hasText(before);
    button(page, "Pause").click();
    assertThat(page.getByRole(AriaRole.STATUS).first()).containsText("Paused at");
    List<String> asked = new ArrayList<>();
    page.onRequest(request -> asked.add(request.url()));
    Instant last = END.minus(Duration.ofHours(1));
    Objects.requireNonNull(lake)
        .writeParquet(
            "rollups",
            last,
            "rollups-late.parquet",
            "SELECT * REPLACE (1::BIGINT AS pane_index, queries + 1000 AS queries) FROM ("
                + SampleLake.rollups(last, 4, 1, 0)
                + ")");
    // Six windows of instance 3 have 1000 queries more.
    long expected =
        Long.parseLong(before.replaceAll(".* ([0-9,]+) queries", "$1").replace(",", ""));
    String after = grouped(expected + 6_000) + " queries";
    assertThat(card(running, "Queries/s")).containsText(after);
    assertThat(queries).hasText(before);
    assertThat(asked, is(empty()));
    button(page, "Go on").click();
    assertThat(queries).containsText(after);
  }

  @Test
  void aLostServerIsToldAndFoundAgain() throws Exception {
    Page page = open("");
    card(page, "Health score").waitFor();
    String before = card(page, "Health score").innerText();
    Objects.requireNonNull(server).close();
    assertThat(page.getByText("The server does not answer.")).isVisible();
    assertThat(card(page, "Health score").innerText(), is(before));
    server = DashboardServer.start(config().withPort(port));
    assertThat(page.getByText("The server does not answer."))
        .hasCount(
            0,
            new com.microsoft.playwright.assertions.LocatorAssertions.HasCountOptions()
                .setTimeout(20_000));
    // What the browser itself says of requests that were not answered.
    complaints.removeIf(complaint -> complaint.contains("ERR_CONNECTION_REFUSED"));
  }

  @ParameterizedTest
  @CsvSource({"1280,LIGHT", "400,DARK"})
  void everyViewIsReadableByAll(int width, ColorScheme scheme) throws Exception {
    Objects.requireNonNull(context).close();
    context = browserContext(width, scheme);
    Page page = context.newPage();
    listen(page);
    for (String view : VIEWS) {
      page.navigate(address("?ids=3&view=" + view));
      page.locator("main h2").first().waitFor();
      assertThat(page.locator(".ghost, [aria-busy=true]")).hasCount(0);
      assertThat(view, page.evaluate("document.documentElement.scrollWidth - innerWidth"), is(0));
      assertThat(view, seriousFindings(page), is(empty()));
    }
    page.navigate(address("?view=outliers"));
    page.locator("tbody .open").first().click();
    assertThat(page.locator(".feedback")).isVisible();
    assertThat("drawer", seriousFindings(page), is(empty()));
  }

  /** What axe-core finds that is serious or critical: rule and element. */
  @SuppressWarnings("unchecked")
  private static List<String> seriousFindings(Page page) throws IOException {
    try (InputStream axe =
        Objects.requireNonNull(PageIT.class.getResourceAsStream("/axe.min.js"))) {
      page.evaluate(new String(axe.readAllBytes(), StandardCharsets.UTF_8));
    }
    return (List<String>)
        page.evaluate(
            """
            async () => (await axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})).violations
              .filter((v) => ['serious', 'critical'].includes(v.impact))
              .flatMap((v) => v.nodes.map((n) => v.id + ' at ' + n.target.join(' ')))
            """);
  }

  private static void tabTo(Page page, String text) {
    for (int i = 0; i < 60; i++) {
      page.keyboard().press("Tab");
      if (text.equals(page.evaluate("document.activeElement.innerText"))) {
        return;
      }
    }
    throw new AssertionError("Tab does not reach '" + text + "'");
  }

  private static Locator button(Page page, String name) {
    return page.getByRole(AriaRole.BUTTON, named(name));
  }

  private static Locator card(Page page, String name) {
    return page.locator(".card")
        .filter(
            new Locator.FilterOptions()
                .setHas(page.locator("dt", new Page.LocatorOptions().setHasText(name))));
  }

  private static Page.GetByRoleOptions named(String name) {
    return new Page.GetByRoleOptions().setName(name);
  }

  private Page open(String query) {
    Page page = Objects.requireNonNull(context).newPage();
    listen(page);
    page.navigate(address(query));
    return page;
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

  private static String address(String query) {
    return "http://127.0.0.1:" + port + "/" + query;
  }

  private static BrowserContext browserContext(int width, ColorScheme scheme) {
    return Objects.requireNonNull(browser)
        .newContext(
            new Browser.NewContextOptions()
                .setViewportSize(width, 900)
                .setColorScheme(scheme)
                // What is fading has no contrast to speak of.
                .setReducedMotion(ReducedMotion.REDUCE));
  }

  private static String grouped(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  private static long sql(String table, String query) throws Exception {
    return (long) Objects.requireNonNull(lake).value(table, query);
  }

  /** The newest panes of the 10-minute windows. */
  private static String rollups() {
    return "(FROM $files WHERE window_millis = 600000 QUALIFY row_number() OVER (PARTITION BY"
        + " window_start, instance_id ORDER BY run_id DESC, pane_index DESC) = 1)";
  }

  private static SampleLake fillLake(Path root) throws Exception {
    SampleLake filled = new SampleLake(root);
    for (int i = 0; i < HOURS; i++) {
      Instant hour = SampleLake.START.plus(Duration.ofHours(i));
      filled.writeParquet(
          "rollups", hour, "rollups-" + i + ".parquet", SampleLake.rollups(hour, INSTANCES, 1, 0));
    }
    for (int i = 0; i < SCORED_HOURS; i++) {
      Instant hour = END.minus(Duration.ofHours(SCORED_HOURS - i));
      String scored = SampleLake.scored(SampleLake.events(hour, 2_000, i * 2_000), "20240303T0000");
      filled.writeArrow("events", hour, "events-" + i + ".arrow", Compression.ZSTD, scored);
      filled.writeParquet(
          "outliers", hour, "outliers-" + i + ".parquet", SampleLake.outliers(scored));
    }
    filled.writeParquet(
        "rejected",
        END.minus(Duration.ofHours(1)),
        "rejected.parquet",
        SampleLake.rejected(END.minus(Duration.ofHours(1)), 200));
    return filled;
  }

  private static DashboardConfig config() {
    return DashboardConfig.of(folder.resolve("lake"), SampleLake.CONTRACT);
  }

  /** The Chromium that is installed; Playwright's own is never fetched. */
  private static Optional<Path> chromium() {
    return Stream.of(
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
        .map(Path::of)
        .filter(Files::isExecutable)
        .findFirst();
  }
}
