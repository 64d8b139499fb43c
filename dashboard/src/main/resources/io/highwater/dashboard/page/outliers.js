// Outliers, and the model that says so.
import { html } from "./html.js";
import { useState } from "./vendor/preact/hooks.js";
import { PredictionChart } from "./charts.js";
import { REASONS, SEVERITIES, count, dateTime, labelOf, megabytes, millis, percent, reasonOf, times } from "./format.js";

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function Severity({ value }) {
  const severity = SEVERITIES.find((s) => s.key === value);
  return html`<span class=${`badge severity ${value}`} title=${severity?.hint}>${severity?.label ?? value ?? "–"}</span>`;
}

/** The record, as what was to be expected, what it was, and how it ran; fields without a value are left out. */
function Details({ row: r, id, onInstance }) {
  const field = (label, value) => value != null && value !== "" && html`<div><dt>${label}</dt><dd>${value}</dd></div>`;
  const tables = (ids) => ids && ids.split(",").join(", ");
  const position = r.topic != null && `${r.topic}/${r.partition ?? "?"}@${r.offset ?? "?"}`;
  return html`<div id=${id} class="details">
    <section><h3>Expected</h3><dl>
      ${field("Took", millis(r.actual_ms))}
      ${field("Predicted", millis(r.predicted_ms))}
      ${field("90 % of such up to", r.predicted_p90_ms != null && millis(r.predicted_p90_ms))}
      ${field("Usually (median)", r.usual_median_ms != null && millis(r.usual_median_ms))}
      ${field("Usually (95 %)", r.usual_p95_ms != null && millis(r.usual_p95_ms))}
      ${field("Seen before", count(r.usual_count))}
      ${field("Duration score", r.duration_score?.toFixed(2))}
      ${field("Forest score", r.forest_score?.toFixed(2))}
      ${field("Model", html`<span class="mono">${r.model_version}</span>`)}
    </dl></section>
    <section><h3>Query</h3><dl>
      ${field("Query", html`<span class="mono">${r.query_id}</span>`)}
      ${field("Type", r.query_type)}
      ${field("Class", labelOf(r.query_class))}
      ${field("User", r.user_id)}
      ${field("Database", r.database_id)}
      ${field("Fingerprint", r.fingerprint && html`<span class="mono">${r.fingerprint}</span>`)}
      ${field("Joins", r.num_joins)}
      ${field("Scans", r.num_scans)}
      ${field("Aggregations", r.num_aggregations)}
      ${field("Tables read", tables(r.read_table_ids))}
      ${field("Tables written", tables(r.write_table_ids))}
    </dl></section>
    <section><h3>Run</h3><dl>
      ${field("Queue", millis(r.queue_ms))}
      ${field("Compile", millis(r.compile_ms))}
      ${field("Scanned", megabytes(r.scanned_mb))}
      ${field("Spilled", megabytes(r.spilled_mb))}
      ${field("Nodes", r.cluster_size)}
      ${field("Aborted", r.aborted ? "yes" : null)}
      ${field("Position", position && html`<span class="mono">${position}</span>`)}
    </dl><button class="link" onClick=${() => onInstance(r.instance)}>Show instance ${r.instance} alone</button></section>
  </div>`;
}

/** How to come by outliers, where nothing was scored. */
function NothingScored({ status }) {
  const { registry, version } = status.model;
  const at = `--lake=${status.lake} --registry=${registry ?? "DIR"}`;
  const steps = [
    !version && `scripts/highwater train ${at}`,
    `scripts/highwater stream ${at} …`,
    !registry && `scripts/highwater dashboard ${at}`,
  ];
  return html`<div class="none">
    <p><b>No model has scored these queries yet.</b></p>
    <p>${version
      ? "One is in service: a stream or a backfill that is started with its registry scores what it reads."
      : "Train one on this lake. A stream that is started with its registry takes it up by itself, and every newer one."}</p>
    <pre class="steps">${steps.filter(Boolean).join("\n")}</pre>
  </div>`;
}

/** A filter of the table; each choice says how many there are. */
function Filter({ label, options, value, counted, onChange }) {
  return html`<label class="filter">${label} <select value=${value} onChange=${(e) => onChange(e.target.value)}>
    <option value="" selected=${value === ""}>All</option>
    ${options.filter((o) => o.key === value || counted(o.key) > 0).map((o) => html`<option key=${o.key} value=${o.key} selected=${o.key === value}>${o.label} (${count(counted(o.key))})</option>`)}
  </select></label>`;
}

/** The outliers of the selection, the newest first; a row opens to its record. */
export function OutlierTable({ outliers, status, severity, reason, onFilter, onInstance }) {
  const [open, setOpen] = useState(null);
  const { by, rows, total } = outliers;
  const sum = (test) => by.filter(test).reduce((n, b) => n + b.count, 0);
  if (!by.length && !severity && !reason) {
    return status.model.newest_scored_version == null && !status.rows.outliers
      ? html`<${NothingScored} status=${status} />`
      : html`<p class="none">No outliers of this selection in this window: everything took about as long as was to be expected.</p>`;
  }
  return html`
    <div class="tools">
      <${Filter} label="Severity" options=${SEVERITIES} value=${severity} counted=${(key) => sum((b) => b.severity === key && (!reason || b.reason === reason))} onChange=${(value) => onFilter({ severity: value })} />
      <${Filter} label="Reason" options=${REASONS} value=${reason} counted=${(key) => sum((b) => b.reason === key && (!severity || b.severity === severity))} onChange=${(value) => onFilter({ reason: value })} />
      <span class="muted grow right">${rows.length < total ? `newest ${count(rows.length)} of ${count(total)}` : `${count(total)} ${total === 1 ? "outlier" : "outliers"}`}</span>
    </div>
    <div class="scroll fill" tabindex="0" role="region" aria-label="Outliers">
      <table class="stack outliers">
        <thead><tr><th>Arrived</th><th>Instance</th><th>Severity</th><th class="number" title="times what was to be expected at most: the larger of the prediction and its 90 % quantile">Against expected</th><th>Why</th></tr></thead>
        <tbody>${rows.flatMap((r) => {
          const isOpen = open === r.outlier_id;
          const toggle = () => setOpen(isOpen ? null : r.outlier_id);
          const id = `outlier-${r.outlier_id}`;
          return [
            html`<tr key=${r.outlier_id} class=${`pick ${isOpen ? "selected" : ""}`} onClick=${toggle}>
              <td data-label="Arrived" class="nowrap"><button class="open" aria-expanded=${isOpen} aria-controls=${isOpen ? id : null} onClick=${(e) => { e.stopPropagation(); toggle(); }}><span class="arrow" aria-hidden="true">${isOpen ? "▾" : "▸"}</span>${dateTime(r.event_time)}</button></td>
              <td data-label="Instance">${r.instance}</td>
              <td data-label="Severity"><${Severity} value=${r.severity} /></td>
              <td data-label="Against" class="number"><div><b>${times(r.ratio)}</b> ${millis(r.actual_ms)}<span class="muted block">predicted ${millis(r.predicted_ms)}</span></div></td>
              <td data-label="Why" class="why"><div class=${isOpen ? "" : "clamped"}><span class="muted">${capital(reasonOf(r.reason))}.</span> ${r.explanation}</div></td>
            </tr>`,
            isOpen && html`<tr key=${id} class="opened"><td colspan="5"><${Details} row=${r} id=${id} onInstance=${onInstance} /></td></tr>`,
          ];
        })}</tbody>
      </table>
      ${rows.length === 0 && html`<p class="none">No outlier of this selection matches.</p>`}
    </div>`;
}

/** Which model is in service, how good it was on the day held out, and how it does now. */
export function ModelPanel({ status, models, predictions, theme }) {
  const m = status.model;
  if (m.version == null && !m.error && !models.versions.length) {
    return html`<p class="none">No model in service${m.registry ? html`: <span class="mono">${m.registry}</span> has none yet` : ""}.</p>`;
  }
  const heldOut = m.held_out;
  return html`
    ${(m.error ?? models.error) && html`<p class="problem">${m.error ?? models.error}</p>`}
    <dl class="model">
      <div class="wide"><dt>${m.registry ? "In service" : "Newest that scored"}</dt><dd class="mono">${m.version ?? "none"}</dd>${m.since && html`<dd class="muted">since ${dateTime(m.since)} UTC</dd>`}</div>
      ${heldOut && html`
        <div title=${`share of ${count(heldOut.rows)} queries of ${heldOut.day} that took no longer than the 90 % prediction`}><dt>Coverage (of 90 %)</dt><dd>${percent(heldOut.coverage)}</dd></div>
        <div title=${`of the 90 % prediction in log space, on ${count(heldOut.rows)} queries of ${heldOut.day}; less is better`}><dt>Pinball loss</dt><dd>${heldOut.pinball_loss?.toFixed(4) ?? "–"}</dd></div>
        <div title=${`${dateTime(m.training.from)} to ${dateTime(m.training.to)} UTC`}><dt>Trained on</dt><dd>${count(m.training.rows)} queries</dd></div>`}
    </dl>
    ${m.newest_scored_version && m.newest_scored_version !== m.version && html`<p class="muted">The newest event was scored by <span class="mono">${m.newest_scored_version}</span>.</p>`}
    ${predictions.rows.length
      ? html`<${PredictionChart} rows=${predictions.rows} theme=${theme} />`
      : html`<p class="none">No scored query of this selection among the newest.</p>`}
    ${models.versions.length > 0 && html`<details class="versions"><summary>All versions (${models.versions.length})</summary>
      <ul>${models.versions.map((v) => html`<li key=${v.version}>
        <span class="mono">${v.version}</span> ${v.version === models.version ? html`<span class="badge good">in service</span>` : v.gate && !v.gate.accepted ? html`<span class="badge quiet">refused</span>` : ""}
        <span class="muted block">${v.error ?? v.gate.reason}</span>
      </li>`)}</ul></details>`}`;
}
