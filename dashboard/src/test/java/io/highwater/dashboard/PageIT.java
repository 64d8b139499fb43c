package io.highwater.dashboard;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static io.highwater.dashboard.PageBrowser.button;
import static io.highwater.dashboard.PageBrowser.card;
import static io.highwater.dashboard.PageBrowser.named;
import static io.highwater.dashboard.PageBrowser.panel;
import static io.highwater.dashboard.PageBrowser.tabTo;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import io.highwater.record.Compression;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The page as people use it, in a real Chromium against a real server; its numbers equal SQL over
 * the lake. Skipped where no Chromium is installed.
 */
class PageIT {
  private static final int HOURS = 54;
  private static final int SCORED_HOURS = 4;
  private static final int INSTANCES = 24;
  private static final Instant END = SampleLake.START.plus(Duration.ofHours(HOURS));
  static final List<String> VIEWS =
      List.of("overview", "outliers", "queries", "advice", "pipeline");

  @TempDir private static Path folder;
  private static @Nullable SampleLake lake;
  private static @Nullable DashboardServer server;
  private static @Nullable PageBrowser browser;
  private static int port;

  private @Nullable BrowserContext context;

  @BeforeAll
  static void startServerAndBrowser() throws Exception {
    Optional<Path> chromium = PageBrowser.chromium();
    assumeTrue(
        chromium.isPresent(),
        "no Chromium is installed, so the page is not tested; Debian's package is chromium");
    lake = fillLake(folder.resolve("lake"));
    server = DashboardServer.start(config().withPort(0));
    port = server.port();
    DashboardClient.whenReady(port);
    browser = PageBrowser.start(chromium.orElseThrow());
  }

  @AfterAll
  static void stopServerAndBrowser() throws Exception {
    if (browser != null) {
      browser.close();
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
    context = Objects.requireNonNull(browser).context();
  }

  @AfterEach
  void closeBrowser() {
    Objects.requireNonNull(context).close();
    assertThat("errors of the page", Objects.requireNonNull(browser).takeComplaints(), is(empty()));
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
    assertComplaints("ERR_CONNECTION_REFUSED");
  }

  @Test
  void everyViewIsReadableByAll() throws Exception {
    Page page = Objects.requireNonNull(context).newPage();
    for (String view : VIEWS) {
      page.navigate(address("?ids=3&view=" + view));
      page.locator("main h2").first().waitFor();
      assertThat(page.locator(".ghost, [aria-busy=true]")).hasCount(0);
      assertReadable(page, view);
    }
    page.navigate(address("?view=outliers"));
    page.locator("tbody .open").first().click();
    assertThat(page.locator(".feedback")).isVisible();
    assertReadable(page, "drawer");
  }

  @Test
  void aTokenOpensThePageAndItsRoleSaysWhatItMayDo() throws Exception {
    AccessTokens.NewToken viewer = AccessTokens.create("eve:viewer", Instant.now());
    AccessTokens.NewToken operator = AccessTokens.create("ops:operator", Instant.now());
    Path tokens = folder.resolve("tokens");
    AccessTokens.NewToken probe = AccessTokens.create("probe:viewer", Instant.now());
    Files.write(tokens, List.of(viewer.line(), operator.line(), probe.line()));
    DashboardConfig closed =
        config().withPort(0).withStore(folder.resolve("closed.duckdb")).withAuth(tokens);
    try (DashboardServer other = DashboardServer.start(closed)) {
      // With a token of its own, as it may ask so often that others of its address may no more.
      new DashboardClient(other.port(), probe.secret())
          .await("/ready", answer -> answer.path("status").asText().equals("ready"));
      Page page = Objects.requireNonNull(context).newPage();
      page.navigate("http://127.0.0.1:" + other.port() + "/?view=outliers&fold=false");
      Locator dialog = page.getByRole(AriaRole.DIALOG, named("Access token"));
      assertThat(dialog).isVisible();
      assertReadable(page, "token");
      signIn(dialog, "hw_wrong");
      assertThat(dialog.getByRole(AriaRole.ALERT)).hasText("the token is not known here");
      assertThat(page.locator("tbody tr")).hasCount(0);
      signIn(dialog, viewer.secret());
      assertThat(dialog).hasCount(0);
      assertThat(page.locator("header")).containsText("eve (viewer)");
      assertThat(page.locator(".live")).hasAttribute("title", "changes come by themselves");
      Download csv =
          page.waitForDownload(() -> page.getByRole(AriaRole.LINK, named("CSV")).click());
      List<String> lines = Files.readAllLines(csv.path());
      assertThat(lines.get(0), startsWith("outlier_id,event_time,instance,"));
      assertThat(lines.size() - 1L, is(sql("outliers", "SELECT count(*) FROM $files")));
      page.locator("tbody .open").first().click();
      Locator feedback = page.locator(".feedback");
      assertThat(feedback).containsText("Your token may read only");
      assertThat(feedback.locator("button, textarea")).hasCount(0);
      page.keyboard().press("Escape");
      button(page, "Sign out").click();
      signIn(dialog, operator.secret());
      page.locator("tbody .open").first().click();
      button(feedback, "Right").click();
      assertThat(feedback.locator(".said")).containsText("✓ right ops, ");
      page.close();
    }
    assertThat(
        sql("feedback", "SELECT count(*) FROM $files WHERE verdict = 'right' AND who = 'ops'"),
        is(1L));
    assertComplaints("401 (Unauthorized)");
  }

  private static void signIn(Locator dialog, String token) {
    dialog.getByLabel("Token").fill(token);
    button(dialog, "Sign in").click();
  }

  @Test
  void whatTheStreamTellsIsShownAtOnceAndAfterAPause() {
    Page page = open("");
    Page running = open("?view=outliers");
    Locator newest = panel(page, "Newest outliers");
    assertThat(newest.locator("li")).hasCount(6);
    assertThat(running.locator("tbody tr").first()).isVisible();
    assertThat(page.locator(".live")).hasAttribute("title", "changes come by themselves");
    assertThat(running.locator(".live")).hasAttribute("title", "changes come by themselves");
    tell("outlier", outlier("live-1", 7, 250_000, 12.5));
    assertThat(newest.locator("li")).hasCount(6);
    assertThat(newest.locator("li").first())
        .hasText(
            Pattern.compile(
                "2024-03-03 06:00:07 *Critical *instance 7 *13× *Slower than predicted, 4 min *just now"));
    assertThat(running.locator(".banner")).containsText("1 just now: instance 7, 13× of what");
    tell("pane", pane(7, 400));
    tell("pane", pane(8, 100));
    assertThat(panel(page, "Being made").locator("li"))
        .hasText(Pattern.compile("06:00 to 06:10 *500 queries of 2 instances *10.0 %.*growing"));

    button(page, "Pause").click();
    assertThat(page.locator(".live"))
        .hasText(Pattern.compile("Paused at \\d\\d:\\d\\d:\\d\\d UTC"));
    tell("outlier", outlier("live-2", 9, 90_000, 31));
    assertThat(running.locator(".banner")).containsText("2 just now: instance 9, 31× of what");
    assertThat(newest).not().containsText("instance 9");
    button(page, "Go on").click();
    assertThat(newest.locator("li").first()).containsText("instance 9");
    assertThat(newest.locator("li").nth(1)).containsText("instance 7");
  }

  private static void tell(String event, String row) {
    Objects.requireNonNull(server).live().tell(event, row);
  }

  /**
   * As the live topic has it: the columns of the lake's table, of an event after all in the lake.
   */
  private static String outlier(String id, int instance, int executionMillis, double ratio) {
    return """
    {"arrival_timestamp":"2024-03-03T06:00:0%2$d.5Z","instance_id":%2$d,"query_id":1,"query_type":"select","execution_duration_ms":%3$d,"outlier_reason":"slower_than_predicted","outlier_id":"%1$s","ratio":%4$s,"severity":"critical","explanation":"Took long."}\
    """
        .formatted(id, instance, executionMillis, ratio);
  }

  /** Of which a tenth is cpu_bound. */
  private static String pane(int instance, int queries) {
    return """
    {"window_start":"2024-03-03T06:00:00Z","window_millis":600000,"instance_id":%d,"run_id":1,"pane_index":0,"is_final":false,"queries":%d,"normal":%d,"cpu_bound":%d}\
    """
        .formatted(instance, queries, queries - queries / 10, queries / 10);
  }

  /** In every size and theme: nothing is cut off, and axe-core finds nothing serious. */
  private static void assertReadable(Page page, String what) throws IOException {
    for (int width : new int[] {1280, 400}) {
      page.setViewportSize(width, 900);
      for (ColorScheme scheme : new ColorScheme[] {ColorScheme.LIGHT, ColorScheme.DARK}) {
        page.emulateMedia(new Page.EmulateMediaOptions().setColorScheme(scheme));
        String of = what + " at " + width + " in " + scheme;
        assertThat(of, page.evaluate("document.documentElement.scrollWidth - innerWidth"), is(0));
        assertThat(of, PageBrowser.seriousFindings(page), is(empty()));
      }
    }
    page.setViewportSize(1280, 900);
  }

  /** That the browser complained of this and of nothing else. */
  private static void assertComplaints(String part) {
    List<String> complaints = Objects.requireNonNull(browser).takeComplaints();
    assertThat(complaints, is(not(empty())));
    assertThat(complaints, everyItem(containsString(part)));
  }

  private Page open(String query) {
    Page page = Objects.requireNonNull(context).newPage();
    page.navigate(address(query));
    return page;
  }

  private static String address(String query) {
    return "http://127.0.0.1:" + port + "/" + query;
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
}
