// The parts that the views are made of.
import { html, usePage } from "./html.js";
import { useState } from "./vendor/preact/hooks.js";
import { SEVERITIES, count } from "./format.js";

/** A link to a view of the page: a real address, followed without loading the page again. */
export function Link({ to, class: name, title, children, ...rest }) {
  const { address, go } = usePage();
  const follow = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(to);
  };
  return html`<a href=${address(to)} class=${name} title=${title} onClick=${follow} ...${rest}>${children}</a>`;
}

export function Panel({ title, note, extra, busy, children }) {
  return html`<section class=${`panel ${busy ? "busy" : ""}`} aria-busy=${!!busy}>
    <div class="title"><h2>${title}</h2>${note && html`<span class="muted">${note}</span>`}${extra && html`<span class="grow"></span>${extra}`}</div>
    ${children}
  </section>`;
}

/** What an analysis says to who reads it. */
export const Meaning = ({ children }) => children && html`<p class="meaning">${children}</p>`;

export function Segments({ label, options, value, onChange }) {
  return html`<div class="segments" role="group" aria-label=${label}>${options.map(([key, text]) => html`<button key=${key} aria-pressed=${key === value} onClick=${() => onChange(key)}>${text}</button>`)}</div>`;
}

/** An answer of the server, or what keeps it from being there; children draw its body. */
export function Loaded({ slot, low, children }) {
  const { retry } = usePage();
  if (slot?.missing) return html`<p class="none">This server does not answer this yet: a newer version of Highwater does.</p>`;
  if (slot?.problem && !slot.body) {
    return html`<div class="none" role="alert"><p class="problem">${slot.problem}</p><button class="button" onClick=${retry}>Try again</button></div>`;
  }
  if (!slot?.body) return html`<div class=${`ghost ${low ? "low" : ""}`} aria-hidden="true"></div>`;
  return html`${slot.problem && html`<p class="problem" role="alert">Not refreshed: ${slot.problem}</p>`}${children(slot.body)}`;
}

export function Severity({ value }) {
  const severity = SEVERITIES.find((s) => s.key === value);
  return html`<span class=${`badge severity ${value}`} title=${severity?.hint}>${severity?.label ?? value ?? "–"}</span>`;
}

/** Names and values; those without a value are left out. */
export function Fields({ of }) {
  return html`<dl class="fields">${of.filter(([, value]) => value != null && value !== "" && value !== false).map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** The greatest first, each as long as its share of the greatest. */
export function Bars({ rows, label }) {
  const most = Math.max(...rows.map((r) => r.value ?? 0));
  return html`<ul class="bars" aria-label=${label}>${rows.map((r) => html`
    <li key=${r.key}><span class=${r.mono ? "mono" : ""}>${r.label}</span>${r.note && html` <span class="muted">${r.note}</span>`}<b>${r.text ?? count(r.value)}</b><i class=${r.tone ?? ""} style=${{ width: `${most > 0 ? (100 * (r.value ?? 0)) / most : 0}%` }}></i></li>`)}
  </ul>`;
}

const compare = (a, b, down) => {
  if (a == null || b == null) return (a == null) - (b == null);
  const order = typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  return down ? -order : order;
};

/**
 * A table that its columns sort: {key, label, value, cell, text, hint, fixed}. Rows without a value
 * come last. Without a sort the rows stay as they came.
 */
export function SortedTable({ columns, rows, rowKey, rowClass, onRow, label, sort, onSort, none, rowsAtFirst = 50, tall = true }) {
  const [own, setOwn] = useState(null);
  const [all, setAll] = useState(false);
  const by = sort ?? own;
  const setBy = onSort ?? setOwn;
  const column = by && columns.find((c) => c.key === by.key);
  const sorted = column ? [...rows].sort((a, b) => compare(column.value(a), column.value(b), by.down)) : rows;
  const shown = all ? sorted : sorted.slice(0, rowsAtFirst);
  if (!rows.length) return html`<p class="none">${none}</p>`;
  return html`<div class=${`scroll ${tall ? "tall" : ""}`} tabindex="0" role="region" aria-label=${label}>
    <table>
      <thead><tr>${columns.map((c) => html`<th key=${c.key} scope="col" class=${c.text ? "" : "number"} title=${c.hint} aria-sort=${c.fixed ? null : column === c ? (by.down ? "descending" : "ascending") : "none"}>
        ${c.fixed ? c.label : html`<button class="sort" onClick=${() => setBy({ key: c.key, down: column === c ? !by.down : !c.text })}>${c.label}<span aria-hidden="true">${column === c ? (by.down ? " ▾" : " ▴") : ""}</span></button>`}</th>`)}</tr></thead>
      <tbody>${shown.map((r, i) => html`<tr key=${rowKey(r)} class=${rowClass?.(r) ?? ""} onClick=${onRow && (() => onRow(r))}>
        ${columns.map((c, n) => (n === 0 ? html`<th scope="row" class=${c.text ? "" : "number"}>${c.cell(r, i)}</th>` : html`<td class=${c.text ? "" : "number"}>${c.cell(r, i)}</td>`))}</tr>`)}
      </tbody>
    </table>
    ${shown.length < sorted.length && html`<button class="more" onClick=${() => setAll(true)}>Show all ${count(sorted.length)}</button>`}
  </div>`;
}

/** How a figure moved against the range before; what is good decides the colour. */
export function Delta({ value, delta, points, better, whole }) {
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
