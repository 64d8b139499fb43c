// Top queries: what costs most, and the analyses beside it, each with what it means.
import { html, usePage } from "./html.js";
import { CLASSES, count, dateTime, labelOf, megabytes, millis, percent, times } from "./format.js";
import { LineChart } from "./charts.js";
import { Bars, Link, Loaded, Meaning, Panel, Segments, SortedTable } from "./parts.js";
import { NO_FILTERS, ORDERS, scopeQuery } from "./view.js";

export function requests(view) {
  const path = (name, others) => ({ path: `api/${name}?${scopeQuery(view, others)}` });
  const recent = new URLSearchParams({ limit: "40" });
  if (view.ids.length) recent.set("ids", view.ids.join(","));
  return {
    top: path("queries/top", { by: view.by, limit: 20 }),
    hours: path("analyses/hours"),
    tables: path("analyses/tables", { limit: 10 }),
    utilization: path("analyses/utilization"),
    compile: path("analyses/compile"),
    recent: { path: `api/queries/recent?${recent}` },
  };
}

const MEANINGS = {
  time: "The queries that the clusters spend most of their time on. A tenth off the first is worth more than the last ones together.",
  count: "The queries that run most often. Where they always read the same, a cache or a materialized view saves nearly all of it.",
  spill: "The queries that wrote most to disk for want of memory. They slow down the others on the same node too.",
  queue: "The queries that waited longest. They are seldom the cause: look at what ran at the same time.",
  slowdown: "The queries that take longer than in the range before. More data, a new plan or a busier cluster are the usual causes.",
};

const short = (fingerprint) => (fingerprint ? fingerprint.slice(0, 12) : "–");

const TOP_COLUMNS = [
  {
    key: "fingerprint", label: "Query", text: true, value: (r) => r.fingerprint,
    cell: (r) => html`<${Link} to=${{ page: "outliers", ...NO_FILTERS, ids: [String(r.instance)], fingerprint: r.fingerprint ?? "" }} class="mono" title=${`${r.fingerprint}: its outliers`}>${short(r.fingerprint)}<//>`,
  },
  { key: "instance", label: "Instance", text: true, value: (r) => (isNaN(r.instance) ? r.instance : +r.instance), cell: (r) => r.instance },
  { key: "query_type", label: "Type", text: true, value: (r) => r.query_type, cell: (r) => r.query_type },
  { key: "queries", label: "Queries", value: (r) => r.queries, cell: (r) => count(r.queries) },
  { key: "execution_ms", label: "Total time", value: (r) => r.execution_ms, cell: (r) => millis(r.execution_ms) },
  { key: "share_of_time", label: "Share", hint: "of the run time of all queries of this selection", value: (r) => r.share_of_time, cell: (r) => percent(r.share_of_time) },
  { key: "mean_ms", label: "Mean", value: (r) => r.mean_ms, cell: (r) => millis(r.mean_ms) },
  { key: "max_ms", label: "Longest", value: (r) => r.max_ms, cell: (r) => millis(r.max_ms) },
  { key: "queue_ms", label: "Queue", value: (r) => r.queue_ms, cell: (r) => millis(r.queue_ms) },
  { key: "spilled_mb", label: "Spilled", value: (r) => r.spilled_mb, cell: (r) => megabytes(r.spilled_mb) },
  {
    key: "slowdown", label: "Slow-down", hint: "mean against the range before", value: (r) => r.slowdown,
    cell: (r) => (r.slowdown == null ? html`<span class="muted" title="not seen in the range before">–</span>` : html`<span class=${`delta ${r.slowdown >= 1.2 ? "bad" : r.slowdown <= 0.8 ? "good" : ""}`} title=${`before: ${millis(r.mean_ms_before)}`}>${times(r.slowdown)}</span>`),
  },
];

function Top() {
  const { view, go, data } = usePage();
  return html`<${Panel} title="Top queries" note="queries of one shape: equal fingerprint on one instance" busy=${data.top?.loading}
    extra=${html`<${Segments} label="Order by" options=${ORDERS} value=${view.by} onChange=${(by) => go({ by })} />`}>
    <${Meaning}>${MEANINGS[view.by]}<//>
    <${Loaded} slot=${data.top}>${({ rows }) => html`<${SortedTable} label="Top queries" columns=${TOP_COLUMNS} rows=${rows} rowKey=${(r) => `${r.instance}/${r.fingerprint}/${r.query_type}`} tall=${false}
      none=${view.by === "slowdown" ? "No query of this selection has become slower, as far as the store reaches back." : "No queries of this selection in this range."} />`}<//>
  <//>`;
}

const ratio = (part, whole) => part.map((n, i) => (whole[i] > 0 ? n / whole[i] : null));

const HOURS = [
  { key: "cache", title: "Cache hits", format: percent, lines: (s) => [{ label: "Hits", values: s.cache_hit_rate, color: "--good" }] },
  { key: "spill", title: "Spill", format: megabytes, lines: (s) => [{ label: "Spilled", values: s.spilled_mb, color: "--class-cpu_bound" }] },
  {
    key: "queue", title: "Queue and run time", format: millis,
    lines: (s) => [{ label: "In the queue", values: s.queue_ms, color: "--class-queue_wlm_bound" }, { label: "Running", values: s.execution_ms, color: "--accent" }],
  },
  { key: "compile", title: "Compile share", format: percent, lines: (s) => [{ label: "Of run time", values: ratio(s.compile_ms, s.execution_ms), color: "--class-io_bound" }] },
];

/** One analysis by hour. */
function Hours({ of: a, slot, theme }) {
  return html`<${Panel} title=${a.title} note="by hour" busy=${slot?.loading}>
    <${Meaning}>${slot?.body?.meaning?.[a.key]}<//>
    <${Loaded} slot=${slot} low>${({ times, series }) => {
      const lines = a.lines(series);
      if (!lines.some((l) => l.values.some((v) => v > 0))) return html`<p class="none">None of this selection in this range.</p>`;
      return html`${lines.length > 1 && html`<div class="legend key">${lines.map((l) => html`<span key=${l.label}><i class=${`bg-${l.color.replace(/^--(class-)?/, "")}`}></i>${l.label}</span>`)}</div>`}
        <${LineChart} times=${times} series=${lines} format=${a.format} theme=${theme} label=${`${a.title} over the range, by hour.`} />`;
    }}<//>
  <//>`;
}

function SpillByType() {
  const { data } = usePage();
  const slot = data.hours;
  return html`<${Panel} title="Spill by query type" busy=${slot?.loading}>
    <${Meaning}>Which kind of query runs out of memory: inserts and ctas by what they sort, selects by what they join.<//>
    <${Loaded} slot=${slot} low>${(body) => {
      const rows = (body.spill_by_type ?? []).filter((r) => r.queries > 0);
      return rows.length ? html`<${Bars} label="Spill by query type" rows=${rows.map((r) => ({ key: r.type, label: r.type, value: r.mb, text: megabytes(r.mb), note: `${count(r.queries)} queries`, tone: "bg-cpu_bound" }))} />` : html`<p class="none">Nothing has spilled.</p>`;
    }}<//>
  <//>`;
}

function Tables() {
  const { data } = usePage();
  return html`<${Panel} title="Most read tables" busy=${data.tables?.loading}>
    <${Meaning}>${data.tables?.body?.meaning}<//>
    <${Loaded} slot=${data.tables} low>${({ rows }) => (rows.length ? html`<${Bars} label="Most read tables" rows=${rows.map((r) => ({ key: `${r.instance}/${r.table}`, label: `table ${r.table}`, note: r.instance == null ? null : `instance ${r.instance}`, value: r.reads, text: `${count(r.reads)} reads`, tone: "bg-accent" }))} />` : html`<p class="none">No tables were read.</p>`)}<//>
  <//>`;
}

const byInstance = { key: "instance", label: "Instance", text: true, value: (r) => (isNaN(r.instance) ? r.instance : +r.instance), cell: (r) => html`<${Link} to=${{ page: "overview", ids: [String(r.instance)] }}>${r.instance}<//>` };

const UTILIZATION_COLUMNS = [
  byInstance,
  { key: "mean", label: "Utilization", hint: "mean over the range", value: (r) => r.utilization_mean, cell: (r) => percent(r.utilization_mean) },
  { key: "max", label: "Busiest", hint: "of the windows", value: (r) => r.utilization_max, cell: (r) => percent(r.utilization_max) },
  { key: "over", label: "Beyond slots", hint: "by how much the work of its busiest window exceeded what its slots could do", value: (r) => r.oversubscription_max, cell: (r) => percent(r.oversubscription_max) },
  { key: "windows", label: "Overfull", hint: "windows with more work than its slots could do", value: (r) => (r.windows ? r.oversubscribed_windows / r.windows : 0), cell: (r) => html`${count(r.oversubscribed_windows)} <span class="muted">of ${count(r.windows)}</span>` },
  { key: "score", label: "Score", hint: "how much of what it spends goes into work, 0 to 100: less what is lost to queue, spill, overload and compiling", value: (r) => r.composite_score, cell: (r) => r.composite_score?.toFixed(0) ?? "–" },
];

const COMPILE_COLUMNS = [
  byInstance,
  { key: "share", label: "Compile share", hint: "compile time of run time", value: (r) => r.compile_share, cell: (r) => percent(r.compile_share) },
  { key: "total", label: "Compile time", value: (r) => r.compile_ms, cell: (r) => millis(r.compile_ms) },
  { key: "r", label: "With joins", hint: "Pearson's r between a select's joins and its compile time", value: (r) => r.joins_compile_correlation, cell: (r) => r.joins_compile_correlation?.toFixed(2) ?? "–" },
];

function PerInstance() {
  const { data } = usePage();
  return html`<div class="grid even">
    <${Panel} title="Utilization" busy=${data.utilization?.loading}>
      <${Meaning}>${data.utilization?.body?.meaning}<//>
      <${Loaded} slot=${data.utilization} low>${({ rows }) => html`<${SortedTable} label="Utilization" columns=${UTILIZATION_COLUMNS} rows=${rows} rowKey=${(r) => r.instance} none="No windows of this selection in this range." />`}<//>
    <//>
    <${Panel} title="Compile time against joins" busy=${data.compile?.loading}>
      <${Meaning}>${data.compile?.body?.meaning}<//>
      <${Loaded} slot=${data.compile} low>${({ rows }) => html`<${SortedTable} label="Compile time" columns=${COMPILE_COLUMNS} rows=${rows} rowKey=${(r) => r.instance} none="No windows of this selection in this range." />`}<//>
    <//>
  </div>`;
}

const dash = html`<span class="muted">–</span>`;

const RECENT_COLUMNS = [
  { key: "event_time", label: "Arrived", text: true, value: (r) => r.event_time, cell: (r) => html`<span class="nowrap">${dateTime(r.event_time)}</span>` },
  { key: "instance", label: "Instance", text: true, value: (r) => (isNaN(r.instance) ? r.instance : +r.instance), cell: (r) => r.instance },
  { key: "query_id", label: "Query", value: (r) => +r.query_id, cell: (r) => html`<span class="mono">${r.query_id}</span>` },
  { key: "type", label: "Type", text: true, value: (r) => r.query_type, cell: (r) => r.query_type },
  { key: "class", label: "Class", text: true, value: (r) => CLASSES.findIndex((c) => c.key === r.query_class), cell: (r) => html`<span class="class">${r.query_class && html`<i class=${`bg-${r.query_class}`}></i>`}${labelOf(r.query_class)}</span>` },
  { key: "queue", label: "Queue", value: (r) => r.queue_ms, cell: (r) => millis(r.queue_ms) },
  { key: "compile", label: "Compile", value: (r) => r.compile_ms, cell: (r) => millis(r.compile_ms) },
  { key: "execution", label: "Execution", value: (r) => r.execution_ms, cell: (r) => millis(r.execution_ms) },
  { key: "predicted", label: "Predicted", value: (r) => r.predicted_ms, cell: (r) => (r.predicted_ms == null ? dash : millis(r.predicted_ms)) },
  { key: "scanned", label: "Scanned", value: (r) => r.scanned_mb, cell: (r) => megabytes(r.scanned_mb) },
  { key: "spilled", label: "Spilled", value: (r) => r.spilled_mb, cell: (r) => (r.spilled_mb > 0 ? megabytes(r.spilled_mb) : html`<span class="muted">0</span>`) },
  { key: "flags", label: "Flags", text: true, fixed: true, cell: (r) => html`${r.is_outlier && html`<span class="badge">outlier</span>`}${r.cached && html`<span class="badge quiet">cached</span>`}${r.aborted && html`<span class="badge">aborted</span>`}` },
];

function Recent() {
  const { data } = usePage();
  return html`<${Panel} title="Newest queries" note="a sample of the newest events, whatever the range" busy=${data.recent?.loading}>
    <${Loaded} slot=${data.recent}>${({ rows }) => html`<${SortedTable} label="Newest queries" columns=${RECENT_COLUMNS} rows=${rows} rowKey=${(r) => `${r.instance}/${r.query_id}/${r.event_time}`} none="No queries of this selection among the newest." />`}<//>
  <//>`;
}

export function Queries() {
  const { data, theme } = usePage();
  return html`<${Top} /><div class="grid even">${HOURS.map((a) => html`<${Hours} key=${a.key} of=${a} slot=${data.hours} theme=${theme} />`)}</div><div class="grid even"><${Tables} /><${SpillByType} /></div><${PerInstance} /><${Recent} />`;
}
