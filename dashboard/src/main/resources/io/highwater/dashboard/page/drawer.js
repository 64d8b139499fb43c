// One outlier: its record, what was predicted, how its query did before, its neighbours, and what
// was said of it.
import { html, usePage } from "./html.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";
import { HistoryChart } from "./charts.js";
import { count, dateTime, labelOf, megabytes, millis, reasonOf, times } from "./format.js";
import { get, post } from "./http.js";
import { Fields, Link, Severity } from "./parts.js";
import { NO_FILTERS } from "./view.js";

const LONGEST_NOTE = 500;
const NEIGHBOURS = 50;

const mono = (text) => text && html`<span class="mono">${text}</span>`;

/** What was to be expected beside what it was, in powers of ten, as milliseconds span many of them. */
function Expected({ row: r }) {
  const bars = [
    ["Took", r.actual_ms, "bad"],
    ["Predicted", r.predicted_ms, ""],
    ["90 % of such up to", r.predicted_p90_ms, ""],
    ["Usually (median)", r.usual_median_ms, "quiet"],
    ["Usually (95 %)", r.usual_p95_ms, "quiet"],
  ].filter(([, ms]) => ms != null);
  const most = Math.log10(Math.max(10, ...bars.map(([, ms]) => ms)));
  return html`<ul class="expected" aria-label="Predicted against actual">${bars.map(([label, ms, tone]) => html`
    <li key=${label}><span>${label}</span><i class=${tone} style=${{ width: `${(100 * Math.log10(Math.max(1, ms))) / most}%` }}></i><b>${millis(ms)}</b></li>`)}
  </ul><p class="muted small">Bars in powers of ten.${r.usual_count == null ? "" : r.usual_count === 0 ? " This query was not seen before." : ` This query was seen ${count(r.usual_count)} ${r.usual_count === 1 ? "time" : "times"} before.`}</p>`;
}

function Record({ row: r }) {
  const tables = (ids) => ids && ids.split(",").join(", ");
  const position = r.topic != null && `${r.topic}/${r.partition ?? "?"}@${r.offset ?? "?"}`;
  return html`<div class="two">
    <section><h3>Query</h3><${Fields} of=${[
      ["Query", mono(r.query_id)],
      ["Type", r.query_type],
      ["Class", labelOf(r.query_class)],
      ["User", r.user_id],
      ["Database", r.database_id],
      ["Fingerprint", mono(r.fingerprint)],
      ["Joins", r.num_joins],
      ["Scans", r.num_scans],
      ["Aggregations", r.num_aggregations],
      ["Tables read", tables(r.read_table_ids)],
      ["Tables written", tables(r.write_table_ids)],
    ]} /></section>
    <section><h3>Run</h3><${Fields} of=${[
      ["Reason", reasonOf(r.reason)],
      ["Queue", millis(r.queue_ms)],
      ["Compile", millis(r.compile_ms)],
      ["Scanned", megabytes(r.scanned_mb)],
      ["Spilled", megabytes(r.spilled_mb)],
      ["Nodes", r.cluster_size],
      ["Aborted", r.aborted && "yes"],
      ["Duration score", r.duration_score?.toFixed(2)],
      ["Forest score", r.forest_score?.toFixed(2)],
      ["Model", mono(r.model_version)],
      ["Position", position && mono(position)],
    ]} /></section>
  </div>`;
}

/** The outliers that the table has folded into this one. */
function Neighbours({ listed }) {
  const [rows, setRows] = useState(null);
  useEffect(() => {
    let isOpen = true;
    const query = new URLSearchParams({
      from: listed.first_at,
      to: new Date(Date.parse(listed.last_at) + 1000).toISOString(),
      ids: listed.instance,
      reason: listed.reason,
      limit: NEIGHBOURS,
    });
    get(`api/anomalies?${query}`)
      .then(({ body }) => isOpen && setRows(body.rows ?? []))
      .catch(() => isOpen && setRows([]));
    return () => (isOpen = false);
  }, [listed.outlier_id]);
  const others = (rows ?? []).filter((r) => r.outlier_id !== listed.outlier_id);
  if (!others.length) return null;
  return html`<section><h3>Folded into this one: ${count(listed.folded - 1)} more of the instance and reason</h3>
    <ul class="feed tight">${others.map((r) => html`<li key=${r.outlier_id}><${Link} to=${{ outlier: r.outlier_id }}>${dateTime(r.event_time)}<//> <b>${times(r.ratio)}</b> ${millis(r.actual_ms)} <span class="muted">${r.query_type}, query ${r.query_id}</span></li>`)}</ul></section>`;
}

function Feedback({ id, known }) {
  const { session, again } = usePage();
  const [note, setNote] = useState("");
  const [said, setSaid] = useState([]);
  const [state, setState] = useState(null);
  const mayNot = session?.auth_required && session.role === "viewer";
  const send = async (verdict) => {
    setState("sending");
    try {
      const answer = await post(`api/anomalies/${encodeURIComponent(id)}/feedback`, note.trim() ? { verdict, note: note.trim() } : { verdict });
      setSaid([answer, ...said]);
      setNote("");
      setState("kept");
      again("outliers", "outlier");
    } catch (error) {
      setState(`Not kept: ${error.status === 405 ? "this server takes none yet" : error.message}`);
    }
  };
  // What was just sent may be in the answer that has been read again since.
  const all = [...said.filter((s) => !known.some((k) => k.at === s.at)), ...known];
  return html`<section class="feedback"><h3>Was this an outlier?</h3>
    <p class="muted small">What is said is kept in the lake; training takes it into account.</p>
    ${mayNot
      ? html`<p class="none">Your token may read only; feedback needs the role operator.</p>`
      : html`<label class="note">Note, if you like <textarea rows="2" maxlength=${LONGEST_NOTE} value=${note} onInput=${(e) => setNote(e.target.value)}></textarea></label>
        <div class="row"><button class="button" disabled=${state === "sending"} onClick=${() => send("right")}>✓ Right, it was</button>
          <button class="button" disabled=${state === "sending"} onClick=${() => send("wrong")}>✗ Wrong, it is as usual</button>
          <span role="status" class=${state?.startsWith("Not") ? "problem" : "muted"}>${state === "sending" ? "Sending…" : state === "kept" ? "Kept." : state ?? ""}</span></div>`}
    ${all.length > 0 && html`<ul class="said">${all.map((f) => html`<li key=${f.at + f.verdict}><b>${f.verdict === "right" ? "✓ right" : "✗ wrong"}</b> <span class="muted">${f.who ? `${f.who}, ` : ""}${dateTime(f.at)} UTC</span>${f.note && html`<p>${f.note}</p>`}</li>`)}</ul>`}
  </section>`;
}

function History({ detail, theme }) {
  const points = detail?.history?.points ?? [];
  if (!points.length) return null;
  return html`<section><h3>This query on this instance</h3>
    <div class="legend key"><span><i class="dot bg-accent"></i>took</span><span><i class="dot bg-bad"></i>outlier</span><span><i class="dot bg-muted"></i>predicted</span></div>
    ${points.length > 1 ? html`<${HistoryChart} points=${points} theme=${theme} />` : html`<p class="none">It has not been seen at another time.</p>`}
    ${detail.history.sampled && html`<p class="muted small">From the sample that the store keeps; the lake has all of them.</p>`}
  </section>`;
}

export function Drawer({ id, listed, onClose }) {
  const { data, theme } = usePage();
  const box = useRef(null);
  useEffect(() => {
    const dialog = box.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const slot = data.outlier;
  const isItsOwn = slot?.path?.includes(encodeURIComponent(id));
  const detail = isItsOwn ? slot.body : null;
  const r = detail?.outlier ?? listed;
  return html`<dialog ref=${box} class="drawer" aria-label="Outlier" onCancel=${(e) => { e.preventDefault(); onClose(); }} onClick=${(e) => e.target === box.current && onClose()}>
    <div class="inside">
      <div class="title"><h2>${r ? html`Instance ${r.instance}, ${dateTime(r.event_time)} <span class="muted">UTC</span>` : "Outlier"}</h2><span class="grow"></span>
        <button class="icon" aria-label="Close" onClick=${onClose}><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18" /></svg></button></div>
      ${!r && (detail || slot?.problem || slot?.missing)
        ? html`<p class="none">${slot?.problem ?? slot?.missing ?? "There is no such outlier in the store: it may be older than what the store keeps."}</p>`
        : !r ? html`<div class="ghost"></div>` : html`
        <p class="verdict"><${Severity} value=${r.severity} /> <b>${times(r.ratio)}</b> of what was to be expected at most</p>
        <p class="why">${r.explanation}</p>
        <${Expected} row=${r} />
        <${History} detail=${detail} theme=${theme} />
        ${listed?.folded > 1 && html`<${Neighbours} listed=${listed} />`}
        <${Record} row=${r} />
        ${isItsOwn && slot.missing ? null : html`<${Feedback} id=${id} known=${detail?.feedback ?? []} />`}
        <p class="row"><${Link} class="button" to=${{ page: "outliers", ...NO_FILTERS, outlier: "", ids: [r.instance] }}>Outliers of instance ${r.instance}<//>
          ${r.fingerprint && html`<${Link} class="button" to=${{ page: "outliers", ...NO_FILTERS, outlier: "", fingerprint: r.fingerprint }}>Outliers of this query<//>`}
          <${Link} class="button" to=${{ page: "overview", ids: [r.instance], outlier: "" }}>Instance ${r.instance} in the overview<//></p>`}
    </div>
  </dialog>`;
}
