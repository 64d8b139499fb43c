// Pipeline: how fresh the data is, what was rejected or late, which model scores, what the lake holds.
import { html, usePage } from "./html.js";
import { LineChart, PredictionChart, ThroughputChart } from "./charts.js";
import { age, bytes, count, dateTime, percent, rate } from "./format.js";
import { Bars, Loaded, Meaning, Panel, SortedTable } from "./parts.js";

const CLOCK_MS = 5000;
const PREDICTIONS = 500;

export function requests(view) {
  const ids = view.ids.length ? `&ids=${encodeURIComponent(view.ids.join(","))}` : "";
  return {
    pipeline: { path: "api/pipeline", every: CLOCK_MS },
    throughput: { path: "api/throughput?minutes=10", every: CLOCK_MS },
    models: { path: "api/models" },
    predictions: { path: `api/predictions?limit=${PREDICTIONS}${ids}` },
    rejected: { path: "api/rejected?limit=50" },
  };
}

const NAMES = { read: "Read", accepted: "Accepted", rejected: "Rejected", late: "Late", too_late: "Too late", duplicate: "Duplicates" };
const HINTS = {
  read: "records that the source delivered",
  accepted: "passed every check",
  rejected: "failed one",
  late: "after the end of their window, within the allowed lateness",
  too_late: "after that: in the events, in no roll-up",
  duplicate: "left out because they had come before",
};

function Freshness() {
  const { status, data } = usePage();
  const p = data.pipeline?.body;
  const behind = p?.freshness?.seconds_behind;
  const totals = p?.totals ?? {};
  const newest = p?.freshness ?? status?.as_of ?? {};
  const card = (label, hint, value, below) => html`<div class="card" key=${label} title=${hint}><dt>${label}</dt><dd>${value}</dd><dd class="below"><span class="muted">${below}</span></dd></div>`;
  const at = (time) => (time ? dateTime(time).slice(11) : "–");
  const day = (time) => (time ? `${dateTime(time).slice(0, 10)} UTC` : "");
  return html`<dl class="cards auto" aria-label="Freshness and totals">
    ${card("Newest event", "event time of the newest event that was loaded", at(newest.newest_event), day(newest.newest_event))}
    ${card("Newest window", "start of the newest roll-up window", at(newest.newest_window), day(newest.newest_window))}
    ${card("Behind", "the newest event, behind the clock", behind == null ? "–" : age(Math.max(0, behind)), newest.newest_load ? `last load ${at(newest.newest_load)} UTC` : "")}
    ${card("Arriving", "rows that reached the lake in the last 60 s", html`${rate(status?.throughput?.rows_per_second_60s)}<small>/s</small>`, `last 10 s: ${rate(status?.throughput?.rows_per_second_10s)}/s`)}
    ${Object.keys(NAMES).filter((key) => totals[key] != null).map((key) => card(NAMES[key], HINTS[key], count(totals[key]), totals.read && key !== "read" ? percent(totals[key] / totals.read) : "by the stream"))}
  </dl>`;
}

function Input() {
  const { data, theme } = usePage();
  const lag = data.pipeline?.body?.lag ?? [];
  const late = data.pipeline?.body?.late_over_time;
  const stream = data.pipeline?.body?.stream;
  return html`<div class="grid even">
    <${Panel} title="Input rate" note="queries/s that reached the lake, wall clock, 10 minutes">
      <${Loaded} slot=${data.throughput} low>${(body) => html`<${ThroughputChart} throughput=${body} theme=${theme} />`}<//>
    <//>
    <${Panel} title="Kafka lag" note="messages still to be read, by partition">
      <${Loaded} slot=${data.pipeline} low>${() => html`
        ${stream?.reported_at && html`<${Meaning}>The stream last reported at ${dateTime(stream.reported_at)} UTC: ${count(stream.backlog_messages)} messages to be read in all, ${rate(stream.records_read_per_second)} read a second, watermark ${dateTime(stream.watermark)}.<//>`}
        ${lag.length ? html`<${Bars} label="Lag by partition" rows=${lag.map((l) => ({ key: l.partition, label: `partition ${l.partition}`, value: l.lag, tone: "bg-accent" }))} />` : !stream?.reported_at && html`<p class="none">No stream has reported yet.</p>`}
        <${Late} late=${late} theme=${theme} />`}<//>
    <//>
  </div>`;
}

/** Records that came after the end of their window, by wall clock. */
function Late({ late, theme }) {
  const series = [
    { label: "Late", values: late?.series?.late ?? [], color: "--warn" },
    { label: "Too late", values: late?.series?.too_late ?? [], color: "--bad" },
  ];
  if (!late?.times?.length) return null;
  if (!series.some((s) => s.values.some((v) => v > 0))) return html`<h3>Late records</h3><p class="muted">None in the last hours.</p>`;
  return html`<h3>Late records</h3>
    <div class="legend key"><span><i class="bg-warn"></i>late</span><span><i class="bg-bad"></i>too late</span></div>
    <${LineChart} times=${late.times} series=${series} theme=${theme} height=${140} label="Late and too late records over wall clock." />`;
}

/** Which model is in service, how good it was on the day held out, and how it does now. */
function Model() {
  const { status, data, theme } = usePage();
  const m = status?.model;
  if (!m) return html`<${Panel} title="Model"><div class="ghost"></div><//>`;
  const heldOut = m.held_out;
  const none = m.version == null && !m.error && !data.models?.body?.versions?.length;
  return html`<${Panel} title="Model" note="predicted against actual, newest scored queries" busy=${data.predictions?.loading}>
    ${none ? html`<p class="none">No model in service${m.registry ? html`: <span class="mono">${m.registry}</span> has none yet` : ""}.</p>` : html`
    ${m.error && html`<p class="problem">${m.error}</p>`}
    <dl class="model">
      <div class="wide"><dt>${m.registry ? "In service" : "Newest that scored"}</dt><dd class="mono">${m.version ?? "none"}</dd>${m.since && html`<dd class="muted">since ${dateTime(m.since)} UTC</dd>`}</div>
      ${heldOut && html`
        <div title=${`share of ${count(heldOut.rows)} queries of ${heldOut.day} that took no longer than the 90 % prediction`}><dt>Coverage (of 90 %)</dt><dd>${percent(heldOut.coverage)}</dd></div>
        <div title=${`of the 90 % prediction in log space, on ${count(heldOut.rows)} queries of ${heldOut.day}; less is better`}><dt>Pinball loss</dt><dd>${heldOut.pinball_loss?.toFixed(4) ?? "–"}</dd></div>
        <div title=${`${dateTime(m.training.from)} to ${dateTime(m.training.to)} UTC`}><dt>Trained on</dt><dd>${count(m.training.rows)} queries</dd></div>`}
    </dl>
    ${m.newest_scored_version && m.newest_scored_version !== m.version && html`<p class="muted">The newest event was scored by <span class="mono">${m.newest_scored_version}</span>.</p>`}
    <${Loaded} slot=${data.predictions}>${({ rows }) => (rows.length ? html`<${PredictionChart} rows=${rows} theme=${theme} />` : html`<p class="none">No scored query of this selection among the newest.</p>`)}<//>`}
  <//>`;
}

const VERSION_COLUMNS = (inService) => [
  { key: "version", label: "Version", text: true, value: (v) => v.version, cell: (v) => html`<span class="mono">${v.version}</span>${v.version === inService ? html`<span class="badge good">in service</span>` : v.gate && !v.gate.accepted ? html`<span class="badge quiet">refused</span>` : ""}` },
  { key: "created", label: "Made", text: true, value: (v) => v.created_at, cell: (v) => html`<span class="nowrap">${dateTime(v.created_at).slice(0, 16)}</span>` },
  { key: "rows", label: "Trained on", value: (v) => v.training?.rows, cell: (v) => count(v.training?.rows) },
  { key: "coverage", label: "Coverage", value: (v) => v.held_out?.coverage, cell: (v) => percent(v.held_out?.coverage) },
  { key: "loss", label: "Pinball loss", value: (v) => v.held_out?.pinball_loss, cell: (v) => v.held_out?.pinball_loss?.toFixed(4) ?? "–" },
  { key: "gate", label: "Decision", text: true, fixed: true, cell: (v) => html`<span class="reason">${v.error ?? v.gate?.reason ?? "–"}</span>` },
];

function Versions() {
  const { data } = usePage();
  return html`<${Panel} title="Model history" note="the newest first; the gate puts a version into service only where it is no worse">
    <${Loaded} slot=${data.models} low>${(body) => html`${body.error && html`<p class="problem">${body.error}</p>`}<${SortedTable} label="Model history" columns=${VERSION_COLUMNS(body.version)} rows=${body.versions} rowKey=${(v) => v.version}
      none=${body.registry ? "The registry has no version yet." : "The dashboard was started without --registry."} />`}<//>
  <//>`;
}

const position = (r) =>
  r.topic != null ? `${r.topic}/${r.partition ?? "?"}@${r.offset ?? "?"}` : r.file != null ? `${r.file}:${r.row ?? "?"}` : "–";

function Raw({ text, bytes: size }) {
  if (!text) return html`<span class="muted">empty</span>`;
  return html`<details class="raw"><summary class="mono">${text.slice(0, 60)}</summary><pre>${text}</pre><p class="muted">${count(size)} bytes in the lake</p></details>`;
}

/** The newest rejected rows, below the counts of all by code. */
function Rejected() {
  const { data } = usePage();
  return html`<${Panel} title="Rejected records" note="counts of all, below them the newest; all instances">
    <${Loaded} slot=${data.rejected} low>${({ by, rows }) => (!rows.length ? html`<p class="none">No record has been rejected.</p>` : html`
      <${Bars} label="Rejected records by code" rows=${by.slice(0, 8).map((b) => ({ key: b.code + b.stage, label: b.code, note: b.stage, value: b.count, tone: "bg-bad" }))} />
      <div class="scroll tall" tabindex="0" role="region" aria-label="Newest rejected records">
        <table class="stack">
          <thead><tr><th scope="col">Received</th><th scope="col">Code and stage</th><th scope="col">Field</th><th scope="col">Value</th><th scope="col">Reason</th><th scope="col">Position</th><th scope="col">Raw record</th></tr></thead>
          <tbody>${rows.map((r) => html`
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
      </div>`)}<//>
  <//>`;
}

const KINDS = { backfill: "Backfill", compaction: "Compaction", retention: "Retention", replacement: "Replacement" };

const CHANGE_COLUMNS = [
  { key: "at", label: "When", text: true, value: (c) => c.at, cell: (c) => html`<span class="nowrap">${dateTime(c.at)}</span>` },
  { key: "kind", label: "What", text: true, value: (c) => c.kind, cell: (c) => KINDS[c.kind] ?? c.kind },
  { key: "table", label: "Table", text: true, value: (c) => c.table, cell: (c) => c.table },
  { key: "hours", label: "Hours", value: (c) => (typeof c.hours === "number" ? c.hours : String(c.hours)), cell: (c) => (Array.isArray(c.hours) ? count(c.hours.length) : typeof c.hours === "number" ? count(c.hours) : c.hours ?? "–") },
  { key: "in", label: "Files in", value: (c) => c.files_in, cell: (c) => count(c.files_in) },
  { key: "out", label: "Files out", value: (c) => c.files_out, cell: (c) => count(c.files_out) },
];

function Lake() {
  const { status, data } = usePage();
  const slot = data.pipeline;
  const skipped = slot?.body?.skipped_files ?? status?.files?.skipped_files ?? [];
  return html`<div class="grid even">
    <${Panel} title="Backfills and compactions" note="the newest 50">
      <${Loaded} slot=${slot} low>${({ changes }) => html`<${SortedTable} label="Backfills and compactions" columns=${CHANGE_COLUMNS} rows=${changes ?? []} rowKey=${(c) => `${c.at}/${c.kind}/${c.table}/${c.hours}`} none="No file of the lake has been replaced." />`}<//>
    <//>
    <${Panel} title="Files of the lake">
      <${Loaded} slot=${slot} low>${({ files }) => html`<${Bars} label="Files by table" rows=${Object.entries(files ?? {}).filter(([, f]) => f?.count != null).map(([table, f]) => ({ key: table, label: table, value: f.bytes, text: bytes(f.bytes), note: `${count(f.count)} ${f.count === 1 ? "file" : "files"}`, tone: "bg-accent" }))} />`}<//>
      ${status && html`<${Meaning}>${count(status.files.loaded)} files and ${count(status.rows.events)} events are loaded${status.files.pending ? `, ${count(status.files.pending)} wait` : ""}; the store keeps ${status.keep_days} days. Lake: <span class="mono">${status.lake}</span><//>`}
      ${skipped.length > 0 && html`<h3>Files that could not be read</h3><ul class="said">${skipped.map((f) => html`<li key=${f.path}><span class="mono">${f.path}</span> <span class="muted">${bytes(f.bytes)}</span><p>${f.reason}</p></li>`)}</ul>`}
    <//>
  </div>`;
}

export function Pipeline() {
  return html`<${Freshness} /><${Input} /><${Rejected} /><div class="grid last-wide"><${Model} /><${Versions} /></div><${Lake} />`;
}
