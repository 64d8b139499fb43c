// Outliers: what took far longer than was to be expected, and why.
import { html, usePage } from "./html.js";
import { useEffect, useState } from "./vendor/preact/hooks.js";
import { REASONS, SEVERITIES, count, dateTime, millis, reasonOf, times } from "./format.js";
import { download, hasToken } from "./http.js";
import { Link, Loaded, Panel, Severity } from "./parts.js";
import { NO_FILTERS, scopeQuery } from "./view.js";
import { Drawer } from "./drawer.js";

const PAGE_ROWS = 50;

const filters = (view) => ({
  severity: view.severity,
  reason: view.reason,
  user: view.user,
  database: view.database,
  type: view.type,
  fingerprint: view.fingerprint,
  min_duration_ms: view.longer,
  fold: String(view.fold),
});

export function requests(view) {
  const wanted = {
    outliers: { path: `api/anomalies?${scopeQuery(view, { ...filters(view), limit: PAGE_ROWS, offset: view.offset || "" })}` },
    options: { path: `api/anomalies/options?${scopeQuery(view)}` },
  };
  if (view.outlier) wanted.outlier = { path: `api/anomalies/${encodeURIComponent(view.outlier)}` };
  return wanted;
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
function Filter({ label, options, value, onChange, short }) {
  const known = options.some((o) => o.value === value);
  return html`<label class="filter">${label} <select value=${value} onChange=${(e) => onChange(e.target.value)}>
    <option value="" selected=${value === ""}>All</option>
    ${!known && value && html`<option value=${value} selected>${short ? value.slice(0, 12) : value}</option>`}
    ${options.map((o) => html`<option key=${o.value} value=${o.value} selected=${o.value === value}>${o.label ?? (short ? `${o.value.slice(0, 12)}…` : o.value)} (${count(o.count)})</option>`)}
  </select></label>`;
}

const LONGER = [["", "any"], ["10000", "10 s"], ["60000", "1 min"], ["300000", "5 min"], ["1800000", "30 min"]];

function Filters({ body }) {
  const { view, go, data } = usePage();
  const options = data.options?.body ?? {};
  const change = (part) => go({ ...part, offset: 0 });
  const by = body?.by ?? [];
  const sum = (test) => by.filter(test).reduce((n, b) => n + b.count, 0);
  const counted = (all, value, countOf) => all.map((o) => ({ value: o.key, label: o.label, count: countOf(o.key) })).filter((o) => o.value === value || o.count > 0);
  const others = [["user", "User", "users"], ["database", "Database", "databases"], ["type", "Type", "types"], ["fingerprint", "Fingerprint", "fingerprints"]];
  const any = Object.keys(NO_FILTERS).some((name) => name !== "offset" && view[name]);
  return html`<div class="tools filters" role="group" aria-label="Filters">
    <${Filter} label="Severity" value=${view.severity} onChange=${(severity) => change({ severity })}
      options=${counted(SEVERITIES, view.severity, (key) => sum((b) => b.severity === key && (!view.reason || b.reason === view.reason)))} />
    <${Filter} label="Reason" value=${view.reason} onChange=${(reason) => change({ reason })}
      options=${counted(REASONS, view.reason, (key) => sum((b) => b.reason === key && (!view.severity || b.severity === view.severity)))} />
    ${others.map(([name, label, list]) => (options[list]?.length || view[name]) && html`<${Filter} key=${name} label=${label} short=${name === "fingerprint"} value=${view[name]}
      options=${(options[list] ?? []).map((o) => ({ value: String(o.value ?? ""), count: o.count })).filter((o) => o.value)} onChange=${(value) => change({ [name]: value })} />`)}
    <label class="filter">Took at least <select value=${view.longer} onChange=${(e) => change({ longer: e.target.value })}>
      ${LONGER.map(([value, label]) => html`<option key=${value} value=${value} selected=${value === view.longer}>${label}</option>`)}
      ${view.longer && !LONGER.some(([v]) => v === view.longer) && html`<option value=${view.longer} selected>${millis(+view.longer)}</option>`}</select></label>
    <label class="check"><input type="checkbox" checked=${view.fold} onChange=${(e) => change({ fold: e.target.checked })} /> Fold neighbours</label>
    ${any && html`<button class="chip clear" onClick=${() => change(NO_FILTERS)}>Clear filters</button>`}
  </div>`;
}

function Export() {
  const { view, tell } = usePage();
  const save = (format) => async (event) => {
    if (!hasToken()) return;
    event.preventDefault();
    try {
      await download(path(format), `outliers.${format}`);
    } catch (error) {
      tell(`Not exported: ${error.message}`);
    }
  };
  const path = (format) => {
    const query = scopeQuery(view, { ...filters(view), format });
    query.delete("fold");
    return `api/anomalies/export?${query}`;
  };
  return html`<span class="row"><span class="muted">Export</span>${["csv", "json"].map((format) => html`<a key=${format} class="button" href=${path(format)} download=${`outliers.${format}`} onClick=${save(format)}>${format.toUpperCase()}</a>`)}</span>`;
}

const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "–");

/** From when to when the neighbours that a row stands for happened. */
function folded(r) {
  if (!(r.folded > 1)) return null;
  return html`<span class="badge quiet" title=${`${dateTime(r.first_at)} to ${dateTime(r.last_at)} UTC`}>+${count(r.folded - 1)} within ${millis(Math.max(1000, Date.parse(r.last_at) - Date.parse(r.first_at)))}</span>`;
}

function Rows({ body, onOpen }) {
  const { view } = usePage();
  const { rows } = body;
  if (!rows.length) return html`<p class="none">No outlier of this selection matches.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Outliers">
    <table class="stack outliers">
      <thead><tr><th scope="col">Arrived</th><th scope="col">Instance</th><th scope="col">Severity</th><th scope="col" class="number" title="times what was to be expected at most: the larger of the prediction and its 90 % quantile">Against expected</th><th scope="col">Who</th><th scope="col">Why</th></tr></thead>
      <tbody>${rows.map((r) => html`
        <tr key=${r.outlier_id} class=${`pick ${view.outlier === r.outlier_id ? "selected" : ""}`} onClick=${() => onOpen(r.outlier_id)}>
          <td data-label="Arrived" class="nowrap"><div><button class="open" aria-haspopup="dialog" data-outlier=${r.outlier_id} onClick=${(e) => { e.stopPropagation(); onOpen(r.outlier_id); }}>${dateTime(r.event_time)}</button><span class="block">${folded(r)}</span></div></td>
          <td data-label="Instance">${r.instance}</td>
          <td data-label="Severity"><div><${Severity} value=${r.severity} />${r.feedback && html`<span class=${`badge ${r.feedback === "right" ? "good" : "quiet"}`} title="what was said of it">${r.feedback === "right" ? "✓ right" : "✗ wrong"}</span>`}</div></td>
          <td data-label="Against" class="number"><div><b>${times(r.ratio)}</b> ${millis(r.actual_ms)}<span class="muted block">predicted ${millis(r.predicted_ms)}</span></div></td>
          <td data-label="Who"><div class="nowrap">${r.query_type}<span class="muted block">user ${r.user_id ?? "–"}, database ${r.database_id ?? "–"}</span></div></td>
          <td data-label="Why" class="why"><div class="clamped"><span class="muted">${capital(reasonOf(r.reason))}.</span> ${r.explanation}</div></td>
        </tr>`)}</tbody>
    </table>
  </div>`;
}

/** Outliers that the stream has told of since the page was read, by the same filters. */
function Fresh({ body }) {
  const { live, view, again } = usePage();
  const newest = body.rows[0]?.event_time ?? "";
  const fresh = live.outliers.filter((o) => o.event_time > newest && (!view.ids.length || view.ids.includes(o.instance)) && (!view.severity || o.severity === view.severity) && (!view.reason || o.reason === view.reason));
  if (!fresh.length || view.offset) return null;
  const [first] = fresh;
  return html`<p class="banner info" role="status"><span class="grow"><b>${fresh.length} just now:</b> instance ${first.instance}, ${times(first.ratio)} of what was to be expected. ${first.explanation ?? ""}</span><button onClick=${() => again("outliers")}>Read again</button></p>`;
}

function Pages({ body }) {
  const { view } = usePage();
  const all = body.total_rows ?? body.total;
  const last = view.offset + body.rows.length;
  const same = all === body.total;
  return html`<div class="tools foot"><span class="muted">${all ? `${count(view.offset + 1)} to ${count(last)} of ${count(all)}${same ? "" : ` rows, ${count(body.total)} outliers`}` : ""}</span><span class="grow"></span>
    ${view.offset > 0 && html`<${Link} class="button" to=${{ offset: Math.max(0, view.offset - PAGE_ROWS) }}>Newer<//>`}
    ${last < all && body.rows.length === PAGE_ROWS && html`<${Link} class="button" to=${{ offset: view.offset + PAGE_ROWS }}>Older<//>`}</div>`;
}

export function Outliers() {
  const { view, go, data, status } = usePage();
  const slot = data.outliers;
  const [opener, setOpener] = useState(null);
  const open = (id) => {
    setOpener(id);
    go({ outlier: id });
  };
  const close = () => go({ outlier: "" });
  // Where the keyboard was before the drawer took it.
  useEffect(() => {
    if (view.outlier || !opener) return;
    document.querySelector(`[data-outlier="${CSS.escape(opener)}"]`)?.focus();
    setOpener(null);
  }, [view.outlier]);
  const isFiltered = Object.keys(NO_FILTERS).some((name) => view[name]);
  const nobodyLooked = status && status.model?.newest_scored_version == null && !status.rows?.outliers;
  return html`<${Panel} title="Outliers" note="queries that took far longer than was to be expected, the newest first" busy=${slot?.loading} extra=${html`<${Export} />`}>
      <${Loaded} slot=${slot}>${(body) => {
        if (!isFiltered && !body.total) {
          return nobodyLooked
            ? html`<${NothingScored} status=${status} />`
            : html`<p class="none">No outliers of this selection in this range: whatever was scored took about as long as was to be expected.</p>`;
        }
        return html`<${Filters} body=${body} /><${Fresh} body=${body} /><${Rows} body=${body} onOpen=${open} /><${Pages} body=${body} />`;
      }}<//>
    <//>
    ${view.outlier && html`<${Drawer} key=${view.outlier} id=${view.outlier} listed=${slot?.body?.rows?.find((r) => r.outlier_id === view.outlier)} onClose=${close} />`}`;
}
