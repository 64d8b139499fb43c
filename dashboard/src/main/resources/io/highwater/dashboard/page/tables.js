// The page's tables. Everything shown comes from the API as text and stays text.
import { html } from "./html.js";
import { useState } from "./vendor/preact/hooks.js";
import { CLASSES, count, dateTime, labelOf, megabytes, millis, percent } from "./format.js";

const ROWS_AT_FIRST = 50;

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
    ${parts.map((c) => html`<i class=${`bg-${c.key}`} style=${{ width: `${100 * share(row, c.key)}%` }}></i>`)}
  </div>`;
}

const INSTANCE_COLUMNS = [
  { key: "id", label: "Instance", value: (r) => (isNaN(r.id) ? r.id : +r.id), text: true },
  { key: "queries", label: "Queries", value: (r) => r.queries, cell: (r) => count(r.queries) },
  { key: "classes", label: "Classes", value: (r) => 1 - share(r, "normal"), cell: (r) => html`<${ShareBar} row=${r} />`, text: true },
  {
    key: "bottleneck",
    label: "Main bottleneck",
    value: (r) => share(r, bottleneck(r)?.key ?? ""),
    text: true,
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
  { key: "cluster_size", label: "Nodes", value: (r) => r.cluster_size, cell: (r) => count(r.cluster_size) },
];

/** Sortable; a row's button puts its instance into the selection or takes it out. */
export function InstanceTable({ rows, critical, selected, onToggle }) {
  const [sort, setSort] = useState({ key: "queries", down: true });
  const [search, setSearch] = useState("");
  const [only, setOnly] = useState(false);
  const [all, setAll] = useState(false);
  const isCritical = new Map(critical.map((c) => [c.id, c.classes]));
  const column = INSTANCE_COLUMNS.find((c) => c.key === sort.key);
  const found = rows
    .filter((r) => r.id.toLowerCase().includes(search.trim().toLowerCase()) && (!only || isCritical.has(r.id)))
    .sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      if (x == null || y == null) return (x == null) - (y == null);
      const order = typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1;
      return sort.down ? -order : order;
    });
  const shown = all ? found : found.slice(0, ROWS_AT_FIRST);
  return html`
    <div class="tools">
      <input type="search" placeholder="Find an instance" aria-label="Find an instance" value=${search} onInput=${(e) => setSearch(e.target.value)} />
      <label class="check"><input type="checkbox" checked=${only} onChange=${(e) => setOnly(e.target.checked)} /> Critical only (${critical.length})</label>
      <span class="muted grow right">${found.length === rows.length ? `${rows.length} instances` : `${found.length} of ${rows.length} instances`}</span>
    </div>
    <div class="scroll tall" tabindex="0" role="region" aria-label="Instances">
      <table>
        <thead><tr>${INSTANCE_COLUMNS.map((c) => html`
          <th class=${c.text ? "" : "number"} aria-sort=${sort.key === c.key ? (sort.down ? "descending" : "ascending") : "none"}>
            <button class="sort" onClick=${() => setSort({ key: c.key, down: sort.key === c.key ? !sort.down : c.key !== "id" })}>${c.label}<span aria-hidden="true">${sort.key === c.key ? (sort.down ? " ▾" : " ▴") : ""}</span></button>
          </th>`)}</tr></thead>
        <tbody>${shown.map((r) => html`
          <tr key=${r.id} class=${`pick ${selected.includes(r.id) ? "selected" : ""}`} onClick=${() => onToggle(r.id)}>
            <th scope="row"><button class="id" aria-pressed=${selected.includes(r.id)} onClick=${(e) => { e.stopPropagation(); onToggle(r.id); }}>${r.id}</button>${isCritical.has(r.id) && html`<span class="badge" title=${`above 50 queries or 5 %: ${isCritical.get(r.id).map((c) => labelOf(c.class)).join(", ")}`}>critical</span>`}</th>
            ${INSTANCE_COLUMNS.slice(1).map((c) => html`<td class=${c.text ? "" : "number"}>${c.cell(r)}</td>`)}
          </tr>`)}
        </tbody>
      </table>
      ${shown.length === 0 && html`<p class="none">${rows.length ? "No instance matches." : "No roll-ups in this window yet."}</p>`}
      ${shown.length < found.length && html`<button class="more" onClick=${() => setAll(true)}>Show all ${found.length}</button>`}
    </div>`;
}

const position = (r) =>
  r.topic != null ? `${r.topic}/${r.partition ?? "?"}@${r.offset ?? "?"}` : r.file != null ? `${r.file}:${r.row ?? "?"}` : "–";

/** The newest rejected rows, below the counts of all by code. */
export function RejectedTable({ rejected }) {
  if (!rejected.rows.length) return html`<p class="none">No record has been rejected.</p>`;
  const most = Math.max(...rejected.by.map((b) => b.count));
  return html`
    <ul class="reasons" aria-label="Rejected records by code">${rejected.by.slice(0, 8).map((b) => html`
      <li key=${b.code + b.stage}><span class="code">${b.code}</span> <span class="muted">${b.stage}</span><b>${count(b.count)}</b><i style=${{ width: `${(100 * b.count) / most}%` }}></i></li>`)}
    </ul>
    <div class="scroll tall" tabindex="0" role="region" aria-label="Newest rejected records">
      <table class="stack">
        <thead><tr><th>Received</th><th>Code and stage</th><th>Field</th><th>Value</th><th>Reason</th><th>Position</th><th>Raw record</th></tr></thead>
        <tbody>${rejected.rows.map((r) => html`
          <tr key=${`${position(r)} ${r.received_at}`}>
            <td data-label="Received" class="nowrap">${dateTime(r.received_at)}</td>
            <td data-label="Code"><div><span class="code">${r.code}</span><span class="muted">${r.stage ?? ""}</span></div></td>
            <td data-label="Field" class="mono">${r.field ?? "–"}</td>
            <td data-label="Value" class="mono value">${r.value ?? "–"}</td>
            <td data-label="Reason" class="reason">${r.reason ?? "–"}</td>
            <td data-label="Position" class="mono position">${position(r)}</td>
            <td data-label="Raw record"><${Raw} text=${r.raw} bytes=${r.raw_bytes} /></td>
          </tr>`)}
        </tbody>
      </table>
    </div>`;
}

function Raw({ text, bytes }) {
  if (!text) return html`<span class="muted">empty</span>`;
  return html`<details class="raw"><summary class="mono">${text.slice(0, 60)}</summary><pre>${text}</pre><p class="muted">${count(bytes)} bytes in the lake</p></details>`;
}

/** The newest events of the store's sample. */
export function QueryTable({ rows }) {
  if (!rows.length) return html`<p class="none">No queries of this selection among the newest.</p>`;
  return html`<div class="scroll tall" tabindex="0" role="region" aria-label="Newest queries">
    <table>
      <thead><tr><th>Arrived</th><th>Instance</th><th class="number">Query</th><th>Type</th><th>Class</th><th class="number">Queue</th><th class="number">Compile</th><th class="number">Execution</th><th class="number">Predicted</th><th class="number">Scanned</th><th class="number">Spilled</th><th>Flags</th></tr></thead>
      <tbody>${rows.map((r) => html`
        <tr key=${`${r.instance}/${r.query_id}/${r.event_time}`}>
          <td class="nowrap">${dateTime(r.event_time)}</td>
          <td>${r.instance}</td>
          <td class="number mono">${r.query_id}</td>
          <td>${r.query_type}</td>
          <td><span class="class">${r.query_class && html`<i class=${`bg-${r.query_class}`}></i>`}${labelOf(r.query_class)}</span></td>
          <td class="number">${millis(r.queue_ms)}</td>
          <td class="number">${millis(r.compile_ms)}</td>
          <td class="number">${millis(r.execution_ms)}</td>
          <td class="number">${r.predicted_ms == null ? html`<span class="muted" title="not scored">–</span>` : millis(r.predicted_ms)}</td>
          <td class="number">${megabytes(r.scanned_mb)}</td>
          <td class="number">${r.spilled_mb > 0 ? megabytes(r.spilled_mb) : html`<span class="muted">0</span>`}</td>
          <td>${r.is_outlier && html`<span class="badge">outlier</span>`}${r.cached && html`<span class="badge quiet">cached</span>`}${r.aborted && html`<span class="badge">aborted</span>`}</td>
        </tr>`)}
      </tbody>
    </table>
  </div>`;
}
