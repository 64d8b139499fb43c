// The range of time and the instances that all views share.
import { html, usePage } from "./html.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";
import { count, dateTime, labelOf } from "./format.js";
import { Segments } from "./parts.js";
import { WINDOWS, flip } from "./view.js";

const LONGEST_DAYS = 92;
const SHOWN = 200;

/** Opens below its button; Escape and a click elsewhere close it. */
function Popover({ label, text, marked, children }) {
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  const button = useRef(null);
  useEffect(() => {
    if (!open) return;
    box.current.querySelector("input")?.focus();
    const elsewhere = (event) => box.current && !box.current.contains(event.target) && !button.current.contains(event.target) && setOpen(false);
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current.focus();
  };
  return html`<div class="popover" onKeyDown=${(e) => e.key === "Escape" && open && close()}>
    <button ref=${button} class=${`button ${marked ? "on" : ""}`} aria-expanded=${open} onClick=${() => setOpen(!open)}>${text} <span aria-hidden="true">▾</span></button>
    ${open && html`<div ref=${box} class="pop" role="dialog" aria-label=${label}>${children(close)}</div>`}
  </div>`;
}

const asInput = (iso) => (iso ? iso.slice(0, 16) : "");

function CustomRange({ from, to, onApply }) {
  const [start, setStart] = useState(asInput(from));
  const [end, setEnd] = useState(asInput(to));
  const days = (Date.parse(`${end}Z`) - Date.parse(`${start}Z`)) / 86400000;
  const wrong = !start || !end ? "Both times are needed." : !(days > 0) ? "The start has to be before the end." : days > LONGEST_DAYS ? `At most ${LONGEST_DAYS} days.` : null;
  const apply = (event) => {
    event.preventDefault();
    if (!wrong) onApply(`${start}:00Z`, `${end}:00Z`);
  };
  return html`<form class="custom" onSubmit=${apply}>
    <label>From (UTC) <input type="datetime-local" value=${start} onInput=${(e) => setStart(e.target.value)} /></label>
    <label>To (UTC) <input type="datetime-local" value=${end} onInput=${(e) => setEnd(e.target.value)} /></label>
    <p class="muted" role="status">${wrong ?? "What is older than the store is read from the lake."}</p>
    <button class="button on" disabled=${!!wrong}>Show this range</button>
  </form>`;
}

function Instances({ all, critical, view, onChange }) {
  const [search, setSearch] = useState("");
  const isCritical = new Map(critical.map((c) => [c.id, c.classes]));
  const wanted = search.trim().toLowerCase();
  const found = all.filter((id) => id.toLowerCase().includes(wanted) && (!view.critical || isCritical.has(id)));
  return html`<div class="picker">
    <input type="search" placeholder="Find an instance" aria-label="Find an instance" value=${search} onInput=${(e) => setSearch(e.target.value)} />
    <label class="check"><input type="checkbox" checked=${view.critical} onChange=${(e) => onChange({ critical: e.target.checked })} /> Critical only (${critical.length})</label>
    <ul aria-label="Instances">${found.slice(0, SHOWN).map((id) => html`<li key=${id}><label class="check"><input type="checkbox" checked=${view.ids.includes(id)} onChange=${() => onChange({ ids: flip(view.ids, id) })} /> ${id}
      ${isCritical.has(id) && html`<span class="badge" title=${`above 50 queries or 5 %: ${isCritical.get(id).map((c) => labelOf(c.class)).join(", ")}`}>critical</span>`}</label></li>`)}</ul>
    ${!found.length && html`<p class="none">No instance matches.</p>`}
    ${found.length > SHOWN && html`<p class="muted">${SHOWN} of ${count(found.length)}; search for the others.</p>`}
    <div class="row">
      <button class="button" disabled=${!view.ids.length && !view.critical} onClick=${() => onChange({ ids: [], critical: false })}>All instances</button>
      ${wanted && found.length > 0 && found.length <= SHOWN && html`<button class="button" onClick=${() => onChange({ ids: [...new Set([...view.ids, ...found])] })}>Select these ${found.length}</button>`}
    </div>
  </div>`;
}

/** The bar above the views; range is {from, to, source} of an answer, null while there is none. */
export function ScopeBar({ range }) {
  const { view, go, data } = usePage();
  const all = data.instances?.body?.instances ?? [];
  const critical = data.critical?.body?.instances ?? [];
  const change = (part) => go({ ...part, offset: 0, outlier: "" });
  const isCustom = view.window === "custom";
  const [from, to] = isCustom ? [view.from, view.to] : [range?.from, range?.to];
  const text = view.ids.length
    ? `${view.ids.length} ${view.ids.length === 1 ? "instance" : "instances"}${view.critical ? ", critical only" : ""}`
    : view.critical ? `Critical only (${critical.length})` : "All instances";
  return html`<div class="toolbar" role="group" aria-label="Range and instances">
    <${Segments} label="Range" options=${WINDOWS} value=${view.window} onChange=${(window) => change({ window, from: "", to: "" })} />
    <${Popover} label="Custom range" text="Custom" marked=${isCustom}>${(close) => html`<${CustomRange} from=${from} to=${to} onApply=${(start, end) => { change({ window: "custom", from: start, to: end }); close(); }} />`}<//>
    ${!isCustom && html`<label class="filter">back from <select value=${view.anchor} onChange=${(e) => change({ anchor: e.target.value })}>
      <option value="newest" selected=${view.anchor === "newest"}>newest data</option><option value="now" selected=${view.anchor === "now"}>now</option></select></label>`}
    <span class="range muted">${from && to ? `${dateTime(from).slice(0, 16)} to ${dateTime(to).slice(0, 16)} UTC` : ""}${range?.source === "lake" ? ", from the lake" : ""}</span>
    <div class="grow"></div>
    ${view.ids.slice(0, 6).map((id) => html`<button key=${id} class="chip" onClick=${() => change({ ids: flip(view.ids, id) })} aria-label=${`Remove instance ${id}`}>${id} <span aria-hidden="true">×</span></button>`)}
    ${view.ids.length > 6 && html`<span class="muted">and ${view.ids.length - 6} more</span>`}
    <${Popover} label="Instances" text=${text} marked=${view.ids.length > 0 || view.critical}>${() => html`<${Instances} all=${all} critical=${critical} view=${view} onChange=${change} />`}<//>
    ${(view.ids.length > 0 || view.critical) && html`<button class="chip clear" onClick=${() => change({ ids: [], critical: false })}>Clear</button>`}
  </div>`;
}
