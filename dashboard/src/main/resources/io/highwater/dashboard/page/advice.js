// Advice: what to check and do about the problems that this selection has.
import { html, usePage } from "./html.js";
import { useState } from "./vendor/preact/hooks.js";
import { count, labelOf, megabytes, millis, percent } from "./format.js";
import { Link, Loaded, Panel } from "./parts.js";
import { scopeQuery } from "./view.js";

export function requests(view) {
  return {
    advice: { path: `api/recommendations?${scopeQuery(view)}` },
    troubled: { path: `api/critical/types?${scopeQuery(view)}` },
  };
}

const CONFIDENCE = { high: "High confidence", medium: "Medium confidence", low: "Low confidence" };

/** A number as its unit is read. */
function quantity({ value, unit }) {
  if (value == null) return "–";
  if (typeof value !== "number") return String(value);
  if (unit === "ms") return millis(value);
  if (unit === "MB") return megabytes(value);
  if (unit === "share") return percent(value);
  const number = Number.isInteger(value) ? count(value) : Math.abs(value) >= 100 ? count(value) : String(+value.toPrecision(3));
  return unit ? `${number} ${unit}` : number;
}

/** affected_ms is read as Affected: the figure has its unit. */
function named({ name, unit }) {
  if (unit && name.startsWith("worst_instance_")) return "Of it there";
  const words = name.replaceAll("_", " ").replace(new RegExp(` ${(unit ?? "").toLowerCase()}$`), "");
  return words === "worst instance" ? "Most on instance" : words[0].toUpperCase() + words.slice(1);
}

function Sql({ text }) {
  const [copied, setCopied] = useState(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied("Copied.");
    } catch {
      setCopied("Not copied: select the text instead.");
    }
  };
  return html`<details class="sql"><summary>The query behind these numbers</summary>
    <p class="muted small">Runs in DuckDB where the lake is.</p>
    <pre tabindex="0">${text}</pre><div class="row"><button class="button" onClick=${copy}>Copy</button><span class="muted" role="status">${copied}</span></div></details>`;
}

function Card({ item: a }) {
  return html`<article class="panel advice">
    <div class="title"><h2>${a.title}</h2><span class="grow"></span><span class=${`badge confidence ${a.confidence}`}>${CONFIDENCE[a.confidence] ?? a.confidence}</span></div>
    <p class="finding">${a.finding}</p>
    ${a.evidence?.length > 0 && html`<dl class="evidence">${a.evidence.map((e) => html`<div key=${e.name}><dt>${named(e)}</dt><dd>${quantity(e)}</dd></div>`)}</dl>`}
    ${a.why_confidence && html`<p class="muted">${a.why_confidence}</p>`}
    <div class="two">
      ${a.checks?.length > 0 && html`<section><h3>Check first</h3><ul class="todo">${a.checks.map((c) => html`<li key=${c}>${c}</li>`)}</ul></section>`}
      ${a.actions?.length > 0 && html`<section><h3>Then</h3><ul class="todo">${a.actions.map((c) => html`<li key=${c}>${c}</li>`)}</ul></section>`}
    </div>
    ${a.sql && html`<${Sql} text=${a.sql} />`}
  </article>`;
}

/** The classes above the thresholds that make an instance critical. */
function Troubled() {
  const { data } = usePage();
  const types = (data.troubled?.body?.types ?? []).filter((t) => t.type !== "normal");
  if (!types.length) return null;
  return html`<p class="troubled"><span class="muted">Above 50 queries or 5 %:</span> ${types.map((t) => html`<span key=${t.type} class="class"><i class=${`bg-${t.type}`}></i><b>${labelOf(t.type)}</b> ${percent(t.share)}, ${count(t.queries)} queries${t.instances > 0 ? ` on ${count(t.instances)} ${t.instances === 1 ? "instance" : "instances"}` : ""}</span>`)}</p>`;
}

export function Advice() {
  const { data, view } = usePage();
  const slot = data.advice;
  if (!slot?.body) return html`<${Panel} title="Advice"><${Loaded} slot=${slot}>${() => null}<//><//>`;
  return html`<${Troubled} />
    <${Loaded} slot=${slot}>${({ items }) => (items.length
      ? html`<div class=${`cards-wide ${slot.loading ? "busy" : ""}`}>${items.map((item) => html`<${Card} key=${item.type} item=${item} />`)}</div>
        <p class="muted small foot">Written for Amazon Redshift. Each figure is of this range and ${view.ids.length || view.critical ? "these instances" : "all instances"}; the query below a card gives it again.</p>`
      : html`<${Panel} title="Advice"><p class="none">This selection has none of the problems that are looked for. <${Link} to=${{ page: "overview" }}>The overview<//> shows how it does.</p><//>`)}<//>`;
}
