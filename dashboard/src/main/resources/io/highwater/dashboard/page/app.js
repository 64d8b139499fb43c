// The page: which view is shown, what it needs from the server, and what stands around it.
import { Page, html, usePage } from "./html.js";
import { render } from "./vendor/preact/preact.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";
import * as advice from "./advice.js";
import { startFeed } from "./feed.js";
import { age, count, dateTime } from "./format.js";
import * as outliers from "./outliers.js";
import * as overview from "./overview.js";
import { Link } from "./parts.js";
import * as pipeline from "./pipeline.js";
import * as queries from "./queries.js";
import { ScopeBar } from "./scope.js";
import { SignIn } from "./signin.js";
import { NO_FILTERS, PAGES, addressOf, rangeQuery, readView } from "./view.js";

const QUIET_AFTER_SECONDS = 90;

const VIEWS = {
  overview: { requests: overview.requests, Body: overview.Overview, scoped: true },
  outliers: { requests: outliers.requests, Body: outliers.Outliers, scoped: true },
  queries: { requests: queries.requests, Body: queries.Queries, scoped: true },
  advice: { requests: advice.requests, Body: advice.Advice, scoped: true },
  pipeline: { requests: pipeline.requests, Body: pipeline.Pipeline, scoped: false },
};

/** What the view asks for, and what the selection of instances needs. */
const requestsOf = (view) => ({
  ...VIEWS[view.page].requests(view),
  instances: { path: "api/instances" },
  critical: { path: `api/instances/critical?${rangeQuery(view)}` },
});

function useTheme() {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const current = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");
  const [theme, setTheme] = useState(current());
  useEffect(() => {
    const follow = () => setTheme(current());
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  const toggle = () => {
    root.dataset.theme = theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("highwater-theme", root.dataset.theme);
    } catch {
      // The choice then lasts as long as the page.
    }
    setTheme(root.dataset.theme);
  };
  return [theme, toggle];
}

function Header({ toggleTheme, onPause, onSignOut }) {
  const { status, lost, paused, receivedAt, streaming, session, signIn, theme, now } = usePage();
  const loadedAt = status?.as_of?.newest_load;
  // The server's clock, as this machine's may be off.
  const seconds = loadedAt ? Math.max(0, (Date.parse(status.now) - Date.parse(loadedAt) + (now - receivedAt)) / 1000) : null;
  const asOf = status?.as_of?.newest_event ?? status?.as_of?.newest_window;
  const [tone, word] = signIn
    ? ["idle", "Signed out"]
    : lost
      ? ["bad", "Disconnected"]
      : paused
        ? ["idle", `Paused at ${new Date(paused).toISOString().slice(11, 19)} UTC`]
        : !status
          ? ["idle", "Connecting"]
          : status.state === "loading"
            ? ["idle", "Loading"]
            : seconds == null
              ? ["idle", "Waiting"]
              : seconds > QUIET_AFTER_SECONDS
                ? ["idle", "Quiet"]
                : ["good", "Live"];
  const how = streaming ? "changes come by themselves" : "asked every second";
  return html`<header>
    <h1><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" /><path class="line" d="M5 13h22" /><path d="M5 22c3.7-5 7.3-5 11 0s7.3 5 11 0" /></svg>Highwater</h1>
    ${status && html`<span class="contract">${status.contract}</span>`}
    <dl class="asof">
      <div><dt>Data as of</dt><dd>${asOf ? html`${dateTime(asOf)} <span class="muted">UTC</span>` : "–"}</dd></div>
      <div><dt>Last load</dt><dd>${seconds == null ? "–" : `${age(seconds)} ago`}</dd></div>
    </dl>
    <span class=${`live ${tone}`} role="status" title=${how}><i aria-hidden="true"></i>${word}</span>
    <button class="icon" aria-pressed=${!!paused} onClick=${() => onPause(!paused)} aria-label=${paused ? "Go on" : "Pause"} title=${paused ? "Go on with what is newest" : "Pause: the figures stay as they are"}>
      <svg viewBox="0 0 24 24" aria-hidden="true">${paused ? html`<path d="M8 5.5v13l10-6.5z" />` : html`<path d="M9 6v12M15 6v12" />`}</svg></button>
    <button class="icon" onClick=${toggleTheme} aria-label=${`Switch to the ${theme === "dark" ? "light" : "dark"} theme`} title="Light or dark">
      <svg viewBox="0 0 24 24" aria-hidden="true">${theme === "dark"
        ? html`<circle cx="12" cy="12" r="4.2" /><path d="M12 3v2.2M12 18.8V21M3 12h2.2M18.8 12H21M5.6 5.6l1.6 1.6M16.8 16.8l1.6 1.6M5.6 18.4l1.6-1.6M16.8 7.2l1.6-1.6" />`
        : html`<path d="M20 14.2A8.2 8.2 0 1 1 9.8 4a6.6 6.6 0 0 0 10.2 10.2z" />`}</svg>
    </button>
    ${session?.auth_required && session.name && html`<span class="who muted">${session.name} (${session.role}) <button class="link" onClick=${onSignOut}>Sign out</button></span>`}
  </header>`;
}

function Navigation() {
  const { view, live, data } = usePage();
  const newest = data.outliers?.body?.rows?.[0]?.event_time ?? data.newest?.body?.rows?.[0]?.event_time ?? "";
  const fresh = live.outliers.filter((o) => o.event_time > newest).length;
  return html`<nav aria-label="Views"><ul>${PAGES.map(([key, label]) => html`
    <li key=${key}><${Link} to=${{ page: key, ...NO_FILTERS, outlier: "" }} aria-current=${view.page === key ? "page" : null}>${label}${key === "outliers" && fresh > 0 && html` <span class="badge good">${fresh} new</span>`}<//></li>`)}</ul></nav>`;
}

function Banners() {
  const { status, lost, receivedAt, retry, told, tell, reading, now } = usePage();
  const files = status?.files;
  return html`<div aria-live="polite">
    ${told && html`<div class="banner bad" role="alert"><p>${told}</p><button onClick=${() => tell(null)}>Close</button></div>`}
    ${lost && html`<div class="banner bad" role="alert"><p><b>The server does not answer.</b> ${status ? `Shown is what it said ${age((now - receivedAt) / 1000)} ago; ` : ""}trying again.</p><button onClick=${retry}>Try now</button></div>`}
    ${!lost && status?.error && html`<div class="banner bad" role="alert"><p><b>The lake cannot be followed:</b> ${status.error}. It is tried again every second.</p></div>`}
    ${!lost && status?.state === "loading" && html`<div class="banner info"><p><b>Loading the lake:</b> ${count(files.loaded)} files in, ${count(files.pending)} to go, the newest hours first.</p><progress aria-label="Files loaded" max=${files.loaded + files.pending} value=${files.loaded}></progress></div>`}
    ${!lost && reading && html`<div class="banner info"><p><b>This range is older than the store:</b> it is being read from the lake, ${reading.files_total ? `${count(reading.files_loaded ?? 0)} of ${count(reading.files_total)} files` : "looking for its files"}.</p><progress aria-label="Files read" max=${reading.files_total || 1} value=${reading.files_loaded ?? 0}></progress></div>`}
    ${!lost && status?.live?.error && html`<div class="banner warn"><p><b>The live topic cannot be read:</b> ${status.live.error}. What is in the lake is shown.</p></div>`}
    ${files?.skipped > 0 && html`<details class="banner warn"><summary><b>${files.skipped} ${files.skipped === 1 ? "file" : "files"} of the lake could not be read</b> and ${files.skipped === 1 ? "is" : "are"} missing from these numbers.</summary>
      <ul>${files.skipped_files.map((f) => html`<li key=${f.path}><span class="mono">${f.path}</span> (${count(f.bytes)} bytes): ${f.reason}</li>`)}</ul></details>`}
  </div>`;
}

function Empty() {
  const { status } = usePage();
  return html`<section class="empty">
    <svg viewBox="0 0 64 44" aria-hidden="true"><path class="line" d="M4 9h56" /><path d="M4 30c9-12 18-12 28 0s19 12 28 0" /></svg>
    <h2>Nothing in the lake yet</h2>
    <p>Waiting for files of <b>${status.contract}</b> in <span class="mono">${status.lake}</span>. They appear here within seconds of being written.</p>
    <p class="muted">Fill it with <code>scripts/highwater stream</code> or <code>backfill</code>, or try <code>scripts/highwater demo</code>.</p>
  </section>`;
}

function App() {
  const [feed, setFeed] = useState(null);
  const [view, setView] = useState(readView);
  const [now, setNow] = useState(Date.now());
  const [told, tell] = useState(null);
  const [theme, toggleTheme] = useTheme();
  const source = useRef(null);
  const main = useRef(null);

  useEffect(() => {
    source.current = startFeed(setFeed);
    const ticking = setInterval(() => setNow(Date.now()), 1000);
    const back = () => setView(readView());
    addEventListener("popstate", back);
    return () => {
      clearInterval(ticking);
      removeEventListener("popstate", back);
    };
  }, []);
  useEffect(() => {
    const address = addressOf(view);
    const here = location.search || "?";
    // An address that says the same in other words is put right, not gone back to.
    if (JSON.stringify(readView()) === JSON.stringify(view)) history.replaceState(null, "", address === "?" ? location.pathname : address);
    else if (address !== here) history.pushState(null, "", address === "?" ? location.pathname : address);
    document.title = `${PAGES.find(([key]) => key === view.page)[1]} · Highwater`;
    source.current.show(requestsOf(view));
  }, [view]);
  // Whoever follows a link by keyboard or by ear goes on in the new view.
  const shown = useRef(view.page);
  useEffect(() => {
    if (shown.current === view.page) return;
    shown.current = view.page;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [view.page]);

  if (!feed) return null;
  const { Body, scoped } = VIEWS[view.page];
  const { status, lost } = feed;
  const asked = Object.keys(requestsOf(view)).map((name) => feed.data[name]);
  const range = asked.find((slot) => slot?.body?.from && slot.body.to)?.body;
  const page = {
    ...feed,
    view,
    theme,
    now,
    // Of a range that is read from the lake: how far that is.
    reading: asked.find((slot) => slot?.progress)?.progress,
    told,
    tell,
    go: (part) => setView((v) => ({ ...v, ...part })),
    address: (part) => addressOf({ ...view, ...part }),
    retry: () => source.current.retry(),
    again: (...names) => source.current.again(...names),
  };
  const empty = status?.state === "waiting" && !status.files.skipped && !lost;
  return html`<${Page.Provider} value=${page}>
    <${Header} toggleTheme=${toggleTheme} onPause=${(paused) => source.current.pause(paused)} onSignOut=${() => source.current.signOut()} />
    <${Navigation} />
    <main id="main" tabindex="-1" ref=${main}>
      <${Banners} />
      ${feed.signIn ? html`<${SignIn} reason=${feed.signIn.reason} onToken=${(token) => source.current.signIn(token)} />`
        : empty && view.page !== "pipeline" ? html`<${Empty} />`
        : lost && !status ? null
        : html`${scoped && html`<${ScopeBar} range=${range} />`}<${Body} />`}
    </main>
  <//>`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
