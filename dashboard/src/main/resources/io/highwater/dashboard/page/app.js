import { html } from "./html.js";
import { render } from "./vendor/preact/preact.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";
import { ClassChart, ThroughputChart } from "./charts.js";
import { startFeed } from "./feed.js";
import { CLASSES, REASONS, SEVERITIES, age, count, dateTime, megabytes, millis, percent, rate } from "./format.js";
import { ModelPanel, OutlierTable } from "./outliers.js";
import { InstanceTable, QueryTable, RejectedTable } from "./tables.js";

const WINDOWS = [["24h", "24 hours"], ["1week", "1 week"]];
const QUIET_AFTER_SECONDS = 90;

const oneOf = (options, key) => (options.some((o) => o.key === key) ? key : "");

// The view is the address: a link shows the same window, instances, classes and outliers.
function readView() {
  const query = new URLSearchParams(location.search);
  return {
    window: WINDOWS.some(([key]) => key === query.get("window")) ? query.get("window") : "24h",
    ids: (query.get("ids") ?? "").split(",").filter(Boolean),
    mode: query.get("chart") === "count" ? "count" : "share",
    hidden: (query.get("hide") ?? "normal").split(",").filter((key) => CLASSES.some((c) => c.key === key)),
    severity: oneOf(SEVERITIES, query.get("severity")),
    reason: oneOf(REASONS, query.get("reason")),
  };
}

function writeView(view) {
  const query = new URLSearchParams();
  if (view.window !== "24h") query.set("window", view.window);
  if (view.ids.length) query.set("ids", view.ids.join(","));
  if (view.mode !== "share") query.set("chart", view.mode);
  if (view.hidden.join() !== "normal") query.set("hide", view.hidden.join(","));
  if (view.severity) query.set("severity", view.severity);
  if (view.reason) query.set("reason", view.reason);
  const search = query.size ? `?${query}` : location.pathname;
  if (search !== location.search) history.pushState(null, "", search);
}

/** What of the view the server is asked for. */
const asked = ({ window, ids, severity, reason }) => ({ window, ids, severity, reason });

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

function Header({ feed, theme, onTheme, now }) {
  const { status, lost } = feed;
  const loadedAt = status?.as_of.newest_load;
  const seconds = loadedAt ? Math.max(0, (Date.parse(status.now) - Date.parse(loadedAt) + (now - feed.receivedAt)) / 1000) : null;
  const asOf = status?.as_of.newest_event ?? status?.as_of.newest_window;
  const [tone, word] = lost
    ? ["bad", "Disconnected"]
    : !status
      ? ["idle", "Connecting"]
      : status.state === "loading"
        ? ["idle", "Loading"]
        : seconds == null
          ? ["idle", "Waiting"]
          : seconds > QUIET_AFTER_SECONDS
            ? ["idle", "Quiet"]
            : ["good", "Live"];
  return html`<header>
    <h1><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" /><path class="line" d="M5 13h22" /><path d="M5 22c3.7-5 7.3-5 11 0s7.3 5 11 0" /></svg>Highwater</h1>
    ${status && html`<span class="contract">${status.contract}</span>`}
    <dl class="asof">
      <div><dt>Data as of</dt><dd>${asOf ? html`${dateTime(asOf)} <span class="muted">UTC</span>` : "–"}</dd></div>
      <div><dt>Last load</dt><dd>${seconds == null ? "–" : `${age(seconds)} ago`}</dd></div>
    </dl>
    <span class=${`live ${tone}`} role="status"><i aria-hidden="true"></i>${word}</span>
    <button class="icon" onClick=${onTheme} aria-label=${`Switch to the ${theme === "dark" ? "light" : "dark"} theme`} title="Light or dark">
      <svg viewBox="0 0 24 24" aria-hidden="true">${theme === "dark"
        ? html`<circle cx="12" cy="12" r="4.2" /><path d="M12 3v2.2M12 18.8V21M3 12h2.2M18.8 12H21M5.6 5.6l1.6 1.6M16.8 16.8l1.6 1.6M5.6 18.4l1.6-1.6M16.8 7.2l1.6-1.6" />`
        : html`<path d="M20 14.2A8.2 8.2 0 1 1 9.8 4a6.6 6.6 0 0 0 10.2 10.2z" />`}</svg>
    </button>
  </header>`;
}

function Banners({ feed, now, onRetry }) {
  const { status, lost, problem } = feed;
  const files = status?.files;
  return html`<div aria-live="polite">
    ${lost && html`<div class="banner bad" role="alert"><p><b>The server does not answer.</b> ${status ? `Shown is what it said ${age((now - feed.receivedAt) / 1000)} ago; ` : ""}trying again.</p><button onClick=${onRetry}>Try now</button></div>`}
    ${problem && html`<div class="banner bad" role="alert"><p>${problem}</p></div>`}
    ${!lost && status?.error && html`<div class="banner bad" role="alert"><p><b>The lake cannot be followed:</b> ${status.error}. It is tried again every second.</p></div>`}
    ${!lost && status?.state === "loading" && html`<div class="banner info"><p><b>Loading the lake:</b> ${count(files.loaded)} files in, ${count(files.pending)} to go, the newest hours first.</p><progress max=${files.loaded + files.pending} value=${files.loaded}></progress></div>`}
    ${files?.skipped > 0 && html`<details class="banner warn"><summary><b>${files.skipped} ${files.skipped === 1 ? "file" : "files"} of the lake could not be read</b> and ${files.skipped === 1 ? "is" : "are"} missing from these numbers.</summary>
      <ul>${files.skipped_files.map((f) => html`<li key=${f.path}><span class="mono">${f.path}</span> (${count(f.bytes)} bytes): ${f.reason}</li>`)}</ul></details>`}
  </div>`;
}

/** How a metric moved against the range before; what is good decides the colour. */
function Delta({ value, delta, points, better, whole }) {
  if (delta == null || value == null) return html`<span class="delta muted">no data before</span>`;
  // A sum over part of a range says nothing about a whole one; a share does.
  if (!points && !whole) return html`<span class="delta muted" title="the store does not reach back far enough">no whole range before</span>`;
  const before = value - delta;
  const moved = points ? Math.abs(delta) >= 0.0005 : before !== 0 && Math.abs(delta / before) >= 0.005;
  if (!moved) return html`<span class="delta muted">unchanged</span>`;
  const up = delta > 0;
  const text = points ? `${Math.abs(delta * 100).toFixed(Math.abs(delta) < 0.01 ? 2 : 1)} pp` : `${count(Math.min(9999, Math.abs((100 * delta) / before)))} %`;
  const tone = better === 0 ? "muted" : up === better > 0 ? "good" : "bad";
  return html`<span class=${`delta ${tone}`} title="against the range before"><span aria-hidden="true">${up ? "▲" : "▼"}</span><span class="hidden">${up ? "up" : "down"}</span> ${text}</span>`;
}

function Cards({ feed }) {
  const { status, data } = feed;
  const m = data.metrics;
  const card = (label, hint, value, below) => html`<div class="card" title=${hint}><dt>${label}</dt><dd>${value}</dd><dd class="below">${below}</dd></div>`;
  return html`<dl class="cards" aria-label="Key figures">
    ${card("Queries/s now", "rows that reached the lake in the last 60 s of wall clock, all instances", rate(status.throughput.rows_per_second_60s), html`<span class="muted">last 10 s: ${rate(status.throughput.rows_per_second_10s)}</span>`)}
    ${card("Queries", "in the window, of the instances selected", count(m.queries ?? 0), html`<${Delta} value=${m.queries} delta=${m.queries_delta} better=${0} whole=${m.previous_complete} />`)}
    ${card("Normal", "queries without a dominant bottleneck", percent(m.score == null ? null : m.score / 100), html`<${Delta} value=${m.score} delta=${m.score_delta == null ? null : m.score_delta / 100} points better=${1} />`)}
    ${card("Outliers", "queries that took far longer than was to be expected, in the window, of the instances selected", count(m.anomalies_count), m.anomalies_count == null ? html`<span class="muted">nothing was scored</span>` : html`<${Delta} value=${m.anomalies_count} delta=${m.anomalies_count_delta} better=${-1} whole=${m.previous_complete} /> <span class="muted">${percent(m.queries ? m.anomalies_count / m.queries : null)}</span>`)}
    ${card("Queue share", "queue time / (queue time + execution time)", percent(m.queue_ratio), html`<${Delta} value=${m.queue_ratio} delta=${m.queue_ratio_delta} points better=${-1} /> <span class="muted">${millis(m.queue_time)} in all</span>`)}
    ${card("Spilled", "to disk, for want of memory", megabytes(m.spilled_mb), html`<${Delta} value=${m.spilled_mb} delta=${m.spilled_mb_delta} better=${-1} whole=${m.previous_complete} /> <span class="muted">${count(m.spilled_queries)} queries</span>`)}
    ${card("Cache hits", "queries answered from the result cache", percent(m.cache_hit_rate), html`<${Delta} value=${m.cache_hit_rate} delta=${m.cache_hit_rate_delta} points better=${1} />`)}
    ${card("Rejected", "records that failed the contract in the window, all instances", count(m.rejected ?? 0), html`<span class="muted">${count(status.rejected.total)} kept in all</span>`)}
  </dl>`;
}

function Legend({ hidden, chart, onToggle }) {
  const total = (chart.series.queries ?? []).reduce((a, b) => a + b, 0);
  const sum = (key) => (chart.series[key] ?? []).reduce((a, b) => a + b, 0);
  return html`<div class="legend" role="group" aria-label="Classes shown">${[...CLASSES].reverse().map((c) => html`
    <button key=${c.key} aria-pressed=${!hidden.includes(c.key)} title=${c.hint} onClick=${() => onToggle(c.key)}><i class=${`bg-${c.key}`}></i>${c.label} <b>${total ? percent(sum(c.key) / total) : "–"}</b></button>`)}
  </div>`;
}

function Segments({ label, options, value, onChange }) {
  return html`<div class="segments" role="group" aria-label=${label}>${options.map(([key, text]) => html`<button key=${key} aria-pressed=${key === value} onClick=${() => onChange(key)}>${text}</button>`)}</div>`;
}

function Empty({ status }) {
  return html`<section class="empty">
    <svg viewBox="0 0 120 40" aria-hidden="true"><path d="M4 14h112" class="line" /><path d="M4 28c9.3-9 18.7-9 28 0s18.7 9 28 0 18.7-9 28 0 18.7 9 28 0" /></svg>
    <h2>Waiting for the first records</h2>
    <p>The lake at <code>${status.lake}</code> has none of <code>${status.contract}</code> yet. This page fills by itself when there are.</p>
    <p class="muted">Start a stream with <code>scripts/highwater stream --lake=…</code>, load files with <code>scripts/highwater backfill</code>, or try it all with <code>scripts/highwater demo</code>.</p>
  </section>`;
}

function Skeleton() {
  return html`<div aria-busy="true" aria-label="Loading"><div class="cards">${[1, 2, 3, 4, 5, 6, 7, 8].map((i) => html`<div key=${i} class="card ghost"></div>`)}</div><div class="grid"><div class="panel ghost high"></div><div class="panel ghost high"></div></div></div>`;
}

function Panel({ title, note, extra, children, busy }) {
  return html`<section class=${`panel ${busy ? "busy" : ""}`} aria-busy=${busy}><div class="title"><h2>${title}</h2>${note && html`<span class="muted">${note}</span>`}<div class="grow"></div>${extra}</div>${children}</section>`;
}

function App() {
  const [view, setView] = useState(readView());
  const [feed, setFeed] = useState(null);
  const [now, setNow] = useState(Date.now());
  const [theme, toggleTheme] = useTheme();
  const source = useRef(null);
  useEffect(() => {
    source.current = startFeed(setFeed);
    source.current.show(asked(view));
    const clock = setInterval(() => setNow(Date.now()), 1000);
    const back = () => setView(readView());
    addEventListener("popstate", back);
    return () => {
      clearInterval(clock);
      removeEventListener("popstate", back);
    };
  }, []);
  useEffect(() => {
    writeView(view);
    source.current?.show(asked(view));
  }, [view]);
  if (!feed) return null;
  const change = (part) => setView({ ...view, ...part });
  const flip = (list, key) => (list.includes(key) ? list.filter((k) => k !== key) : [...list, key]);
  const { status, data } = feed;
  const ready = status && data.metrics && data.throughput;
  const empty = status?.state === "waiting" && !status.files.skipped && !feed.lost;
  return html`
    <${Header} feed=${feed} theme=${theme} onTheme=${toggleTheme} now=${now} />
    <main id="main" tabindex="-1">
      <${Banners} feed=${feed} now=${now} onRetry=${() => source.current.retry()} />
      ${empty ? html`<${Empty} status=${status} />` : !ready ? (feed.lost ? null : html`<${Skeleton} />`) : html`
        <div class="toolbar">
          <${Segments} label="Window" options=${WINDOWS} value=${view.window} onChange=${(window) => change({ window })} />
          <span class="range muted">${dateTime(data.metrics.from).slice(0, 16)} to ${dateTime(data.metrics.to).slice(0, 16)} UTC</span>
          <div class="grow"></div>
          ${view.ids.length === 0
            ? html`<span class="muted">All instances</span>`
            : html`<span class="muted">Instances</span>${view.ids.slice(0, 12).map((id) => html`<button key=${id} class="chip" onClick=${() => change({ ids: flip(view.ids, id) })} aria-label=${`Remove instance ${id}`}>${id} <span aria-hidden="true">×</span></button>`)}${view.ids.length > 12 && html`<span class="muted">and ${view.ids.length - 12} more</span>`}<button class="chip clear" onClick=${() => change({ ids: [] })}>Clear</button>`}
        </div>
        <${Cards} feed=${feed} />
        <div class="grid">
          <${Panel} title="Classes over time" note=${`event time, ${data.chart.step_seconds === 3600 ? "hourly" : `${data.chart.step_seconds / 60}-minute`} steps`} busy=${feed.loadingView}
            extra=${html`<${Segments} label="Scale" options=${[["share", "Share"], ["count", "Count"]]} value=${view.mode} onChange=${(mode) => change({ mode })} />`}>
            <${Legend} chart=${data.chart} hidden=${view.hidden} onToggle=${(key) => change({ hidden: flip(view.hidden, key) })} />
            ${data.metrics.queries ? html`<${ClassChart} chart=${data.chart} hidden=${view.hidden} mode=${view.mode} theme=${theme} />` : html`<p class="none high">No queries of this selection in this window.</p>`}
          <//>
          <${Panel} title="Throughput" note="queries/s, wall clock, 10 minutes">
            <${ThroughputChart} throughput=${data.throughput} theme=${theme} />
          <//>
        </div>
        <div class="grid">
          <${Panel} title="Outliers" note="newest first; open one to see its record" busy=${feed.loadingView}>
            <${OutlierTable} outliers=${data.outliers} status=${status} severity=${view.severity} reason=${view.reason} onFilter=${change} onInstance=${(id) => change({ ids: [id] })} />
          <//>
          <${Panel} title="Model" note="predicted against actual, newest scored queries" busy=${feed.loadingView}>
            <${ModelPanel} status=${status} models=${data.models} predictions=${data.predictions} theme=${theme} />
          <//>
        </div>
        <${Panel} title="Instances" note="select rows to narrow the figures above" busy=${feed.loadingView}>
          <${InstanceTable} rows=${data.table.instances} critical=${data.critical.instances} selected=${view.ids} onToggle=${(id) => change({ ids: flip(view.ids, id) })} />
        <//>
        <${Panel} title="Rejected records" note="newest first, all instances">
          <${RejectedTable} rejected=${data.rejected} />
        <//>
        <${Panel} title="Newest queries" note="a sample of the newest events">
          <${QueryTable} rows=${data.queries.rows} />
        <//>
        <footer class="muted">${count(status.files.loaded)} files loaded, ${count(status.rows.events)} events, ${count(status.rows.rollups)} roll-up panes · the store keeps ${status.keep_days} days · lake <span class="mono">${status.lake}</span></footer>`}
    </main>`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
