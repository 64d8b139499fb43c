// Overview: how the selection does, against the range before.
import { html, usePage } from "./html.js";
import { useMemo, useState } from "./vendor/preact/hooks.js";
import { ClassChart, WorkChart } from "./charts.js";
import { CLASSES, age, count, dateTime, labelOf, megabytes, millis, percent, rate, reasonOf, timeOnly, times } from "./format.js";
import { withPanes } from "./live.js";
import { Delta, Link, Loaded, Panel, Segments, Severity, SortedTable } from "./parts.js";
import { Sparkline } from "./plot.js";
import { NO_FILTERS, flip, rangeQuery, scopeQuery } from "./view.js";

const OUTLIERS_SHOWN = 6;
/** Longer ago than that the stream has stopped, and nothing is being made. */
const MAKING_MS = 900000;

export function requests(view) {
  const range = rangeQuery(view);
  return {
    metrics: { path: `api/metrics?${scopeQuery(view)}` },
    chart: { path: `api/classification/chart?${scopeQuery(view)}` },
    // Of all instances, so that one can be taken into the selection.
    table: { path: `api/classification/table?${range}` },
    utilization: { path: `api/analyses/utilization?${range}` },
    newest: { path: `api/anomalies?${scopeQuery(view, { fold: "true", limit: OUTLIERS_SHOWN })}` },
  };
}

function Cards() {
  const { status, data } = usePage();
  const slot = data.metrics;
  const m = slot?.body;
  if (!m) return html`<${Panel} title="Key figures"><${Loaded} slot=${slot} low>${() => null}<//><//>`;
  const span = (Date.parse(m.to) - Date.parse(m.from)) / 1000;
  const perSecond = (n) => (n == null || !(span > 0) ? null : n / span);
  const card = (label, hint, value, below, to) => html`<div class="card" title=${hint}><dt>${to ? html`<${Link} to=${to}>${label}<//>` : label}</dt><dd>${value}</dd><dd class="below">${below}</dd></div>`;
  const sum = (name, better) => html`<${Delta} value=${m[name]} delta=${m[`${name}_delta`]} better=${better} whole=${m.previous_complete} />`;
  const share = (value, delta, better) => html`<${Delta} value=${value} delta=${delta} points better=${better} />`;
  return html`<dl class=${`cards ${slot.loading ? "busy" : ""}`} aria-label="Key figures">
    ${card("Health score", "share of queries without a dominant bottleneck", percent(m.score == null ? null : m.score / 100), share(m.score, m.score_delta == null ? null : m.score_delta / 100, 1), { page: "advice" })}
    ${card("Queries/s", "on average over the range, by event time", rate(perSecond(m.queries)), html`${sum("queries", 0)} <span class="muted">${count(m.queries ?? 0)} queries</span>`, { page: "queries", by: "count" })}
    ${card("Queue time", "waited before running, all queries together", millis(m.queue_time), sum("queue_time", -1), { page: "queries", by: "queue" })}
    ${card("Queue share", "queue time / (queue time + execution time)", percent(m.queue_ratio), share(m.queue_ratio, m.queue_ratio_delta, -1))}
    ${card("Spilled", "written to disk for want of memory", megabytes(m.spilled_mb), html`${sum("spilled_mb", -1)} <span class="muted">${count(m.spilled_queries)} queries</span>`, { page: "queries", by: "spill" })}
    ${card("Cache hits", "queries answered from the result cache", percent(m.cache_hit_rate), share(m.cache_hit_rate, m.cache_hit_rate_delta, 1))}
    ${card("Outliers", "queries that took far longer than was to be expected", count(m.anomalies_count), m.anomalies_count == null ? html`<span class="muted">nothing was scored</span>` : html`${sum("anomalies_count", -1)} <span class="muted">${percent(m.queries ? m.anomalies_count / m.queries : null)}</span>`, { page: "outliers", ...NO_FILTERS })}
    ${card("Arriving now", "rows that reached the lake in the last 60 s of wall clock, all instances", html`${rate(status?.throughput?.rows_per_second_60s)}<small>/s</small>`, html`<span class="muted">last 10 s: ${rate(status?.throughput?.rows_per_second_10s)}/s</span>`, { page: "pipeline" })}
  </dl>`;
}

function Legend({ hidden, chart, onToggle }) {
  const sum = (key) => (chart.series[key] ?? []).reduce((a, b) => a + b, 0);
  const total = sum("queries");
  return html`<div class="legend" role="group" aria-label="Classes shown">${[...CLASSES].reverse().map((c) => html`
    <button key=${c.key} aria-pressed=${!hidden.includes(c.key)} title=${c.hint} onClick=${() => onToggle(c.key)}><i class=${`bg-${c.key}`}></i>${c.label} <b>${total ? percent(sum(c.key) / total) : "–"}</b></button>`)}
    ${chart.series.outliers?.some((n) => n > 0) && html`<span class="marks">Outliers: <i class="mark critical" aria-hidden="true">◆</i> critical <i class="mark major" aria-hidden="true">▼</i> major <i class="mark minor" aria-hidden="true">●</i> minor <i class="mark several" aria-hidden="true">●</i> some</span>`}
  </div>`;
}

function Charts() {
  const { view, go, data, theme, live } = usePage();
  const slot = data.chart;
  const known = slot?.body;
  const chart = useMemo(() => withPanes(known, live.panes, view.ids), [known, live.panes, view.ids]);
  const iso = (ms) => new Date(ms).toISOString().replace(".000", "");
  const onRange = (from, to) => {
    const minutes = (at) => iso(Math.round(at / 60) * 60000);
    go({ window: "custom", from: minutes(from), to: minutes(Math.max(to, from + 60)) });
  };
  const onMark = (mark) => go({
    page: "outliers", ...NO_FILTERS,
    ...(mark.outlier_id ? { outlier: mark.outlier_id } : { window: "custom", from: iso(mark.from), to: iso(mark.to) }),
  });
  const empty = html`<p class="none high">No queries of this selection in this range.</p>`;
  const hasQueries = chart?.series?.queries?.some((n) => n > 0);
  const step = known && (known.step_seconds >= 3600 ? "hourly" : `${known.step_seconds / 60}-minute`);
  return html`<div class="grid">
    <${Panel} title="Classes over time" note=${known && `event time, ${step} steps; drag to look closer`} busy=${slot?.loading}
      extra=${html`<${Segments} label="Scale" options=${[["share", "Share"], ["count", "Count"]]} value=${view.mode} onChange=${(mode) => go({ mode })} />`}>
      <${Loaded} slot=${slot}>${() => (hasQueries ? html`
        <${Legend} chart=${chart} hidden=${view.hidden} onToggle=${(key) => go({ hidden: flip(view.hidden, key) })} />
        <${ClassChart} chart=${chart} hidden=${view.hidden} mode=${view.mode} theme=${theme} onRange=${onRange} onMark=${onMark} />` : empty)}<//>
    <//>
    <${Panel} title="Queue against run time" note="sums" busy=${slot?.loading}>
      <${Loaded} slot=${slot}>${() => (hasQueries ? html`
        <div class="legend key"><span><i class="bg-queue_wlm_bound"></i>In the queue</span><span><i class="bg-accent"></i>Running</span></div>
        <${WorkChart} chart=${chart} theme=${theme} onRange=${onRange} />` : empty)}<//>
    <//>
  </div>`;
}

/** The newest outliers; those that came by the stream stand first, their file may not be in the lake yet. */
function Newest() {
  const { data, live, view, status } = usePage();
  const slot = data.newest;
  const rows = slot?.body?.rows ?? [];
  const fresh = live.outliers.filter((o) => (!view.ids.length || view.ids.includes(o.instance)) && !rows.some((r) => r.outlier_id === o.outlier_id) && (!rows.length || o.event_time >= rows[0].event_time));
  const shown = [...fresh.map((o) => ({ ...o, isFresh: true })), ...rows].slice(0, OUTLIERS_SHOWN);
  const nobodyLooked = status && status.model?.newest_scored_version == null && !status.rows?.outliers;
  return html`<${Panel} title="Newest outliers" busy=${slot?.loading} extra=${html`<${Link} to=${{ page: "outliers", ...NO_FILTERS }} class="more-link">All outliers<//>`}>
    <${Loaded} slot=${slot} low>${() => (shown.length ? html`<ul class="feed">${shown.map((o) => html`
      <li key=${o.outlier_id}><${Link} to=${{ page: "outliers", ...NO_FILTERS, outlier: o.outlier_id }}>${dateTime(o.event_time)}<//>
        <${Severity} value=${o.severity} /> <span class="nowrap">instance ${o.instance}</span> <b>${times(o.ratio)}</b> <span class="muted">${reasonOf(o.reason)}, ${millis(o.actual_ms)}${o.folded > 1 ? `, ${count(o.folded)} together` : ""}</span>${o.isFresh && html`<span class="badge good">just now</span>`}</li>`)}</ul>`
      : html`<p class="none">${nobodyLooked ? "No model has scored these queries yet." : "None of this selection in this range: whatever was scored took about as long as was to be expected."}</p>`)}<//>
  <//>`;
}

/** What the stream says of the newest window, within a second of its being made. */
function JustMade() {
  const { live, view, now } = usePage();
  const panes = [...live.panes.values()].filter((p) => !view.ids.length || view.ids.includes(p.instance));
  if (!panes.length || now - live.panesAt > MAKING_MS) return null;
  const byWindow = new Map();
  for (const p of panes) {
    const w = byWindow.get(p.window_start) ?? { start: p.window_start, millis: p.window_millis, instances: 0, queries: 0, troubled: 0, final: 0 };
    if (p.window_millis > w.millis) continue;
    w.instances++;
    w.queries += p.queries ?? 0;
    w.troubled += (p.queries ?? 0) - (p.normal ?? 0);
    w.final += p.is_final ? 1 : 0;
    byWindow.set(p.window_start, w);
  }
  const windows = [...byWindow.values()].sort((a, b) => (a.start < b.start ? 1 : -1));
  return html`<${Panel} title="Being made" note=${`panes as the stream makes them, before their file is in the lake; the newest ${age(Math.max(0, now - live.panesAt) / 1000)} ago`}>
    <ul class="feed">${windows.map((w) => html`<li key=${w.start}><b>${timeOnly(w.start).slice(0, 5)} to ${new Date(Date.parse(w.start) + w.millis).toISOString().slice(11, 16)}</b>
      <span>${count(w.queries)} queries of ${count(w.instances)} ${w.instances === 1 ? "instance" : "instances"}</span>
      <span class="muted">${percent(w.queries ? w.troubled / w.queries : null)} with a bottleneck</span>
      <span class=${`badge ${w.final === w.instances ? "good" : "quiet"}`}>${w.final === w.instances ? "final" : "growing"}</span></li>`)}</ul>
  <//>`;
}

const share = (row, key) => (row.queries ? row[key] / row.queries : 0);

/** The class other than normal with the most queries; null where there is none. */
function bottleneck(row) {
  const worst = CLASSES.filter((c) => c.key !== "normal").reduce((a, b) => (row[b.key] > row[a.key] ? b : a));
  return row[worst.key] > 0 ? worst : null;
}

function ShareBar({ row }) {
  const parts = [...CLASSES].reverse().filter((c) => row[c.key] > 0);
  const text = parts.map((c) => `${c.label} ${percent(share(row, c.key))}`).join(", ");
  return html`<div class="sharebar" role="img" aria-label=${text} title=${text}>
    ${parts.map((c) => html`<i key=${c.key} class=${`bg-${c.key}`} style=${{ width: `${100 * share(row, c.key)}%` }}></i>`)}
  </div>`;
}

function columns(isSelected, critical, onToggle) {
  return [
    {
      key: "id",
      label: "Instance",
      text: true,
      value: (r) => (isNaN(r.id) ? r.id : +r.id),
      cell: (r) => html`<button class="id" aria-pressed=${isSelected(r.id)} onClick=${(e) => { e.stopPropagation(); onToggle(r.id); }}>${r.id}</button>${critical.has(r.id) && html`<span class="badge" title=${`above 50 queries or 5 %: ${critical.get(r.id).map((c) => labelOf(c.class)).join(", ")}`}>critical</span>`}`,
    },
    { key: "queries", label: "Queries", value: (r) => r.queries, cell: (r) => count(r.queries) },
    { key: "trend", label: "Over time", fixed: true, text: true, cell: (r) => html`<${Sparkline} values=${r.more?.sparkline} label=${`Queries of instance ${r.id} over the range`} />` },
    { key: "classes", label: "Classes", value: (r) => 1 - share(r, "normal"), cell: (r) => html`<${ShareBar} row=${r} />`, text: true },
    {
      key: "bottleneck",
      label: "Main bottleneck",
      text: true,
      value: (r) => share(r, bottleneck(r)?.key ?? ""),
      cell: (r) => {
        const worst = bottleneck(r);
        return worst
          ? html`<span class="class"><i class=${`bg-${worst.key}`}></i>${worst.label} ${percent(share(r, worst.key))}</span>`
          : html`<span class="muted">none</span>`;
      },
    },
    { key: "queue_ms", label: "Queue time", value: (r) => r.queue_ms, cell: (r) => millis(r.queue_ms) },
    { key: "queue_ratio", label: "Queue share", value: (r) => r.queue_ratio, cell: (r) => percent(r.queue_ratio) },
    { key: "spilled_mb", label: "Spilled", value: (r) => r.spilled_mb, cell: (r) => megabytes(r.spilled_mb) },
    { key: "cache_hit_rate", label: "Cache hits", value: (r) => r.cache_hit_rate, cell: (r) => percent(r.cache_hit_rate) },
    { key: "utilization", label: "Utilization", hint: "busy time / (window x slots), mean over the range", value: (r) => r.more?.utilization_mean, cell: (r) => percent(r.more?.utilization_mean) },
    { key: "cluster_size", label: "Nodes", value: (r) => r.cluster_size, cell: (r) => count(r.cluster_size) },
  ];
}

function Instances() {
  const { view, go, data } = usePage();
  const [search, setSearch] = useState("");
  const critical = new Map((data.critical?.body?.instances ?? []).map((c) => [c.id, c.classes]));
  const more = new Map((data.utilization?.body?.rows ?? []).map((r) => [String(r.instance), r]));
  const toggle = (id) => go({ ids: flip(view.ids, id) });
  return html`<${Panel} title="Instances" note="select rows to narrow the figures above" busy=${data.table?.loading}>
    <${Loaded} slot=${data.table}>${({ instances }) => {
      const found = instances.filter((r) => r.id.toLowerCase().includes(search.trim().toLowerCase()) && (!view.critical || critical.has(r.id)));
      const shown = columns((id) => view.ids.includes(id), critical, toggle).filter((c) => more.size || !["trend", "utilization"].includes(c.key));
      return html`
        <div class="tools">
          <input type="search" placeholder="Find in the table" aria-label="Find in the table" value=${search} onInput=${(e) => setSearch(e.target.value)} />
          <span class="muted grow right">${found.length === instances.length ? `${count(instances.length)} instances` : `${count(found.length)} of ${count(instances.length)} instances`}</span>
        </div>
        <${SortedTable} label="Instances" columns=${shown} rows=${found.map((r) => ({ ...r, more: more.get(r.id) }))} rowKey=${(r) => r.id}
          rowClass=${(r) => `pick ${view.ids.includes(r.id) ? "selected" : ""}`} onRow=${(r) => toggle(r.id)}
          sort=${{ key: view.sort.replace(/^-/, ""), down: view.sort.startsWith("-") }} onSort=${({ key, down }) => go({ sort: `${down ? "-" : ""}${key}` })}
          none=${instances.length ? "No instance matches." : "No roll-ups in this range yet."} />`;
    }}<//>
  <//>`;
}

export function Overview() {
  return html`<${Cards} /><${Charts} /><${JustMade} /><${Newest} /><${Instances} />`;
}
