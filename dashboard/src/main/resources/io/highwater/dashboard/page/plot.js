// What all charts share: uPlot in a box that follows its container, axes, tooltip, keyboard. What it
// is given is numbers, and tooltips are built from text nodes.
import { html } from "./html.js";
import { useEffect, useRef } from "./vendor/preact/hooks.js";
import { millis } from "./format.js";
import uPlot from "./vendor/uplot/uPlot.js";

export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const colorOf = (key) => style(`--class-${key}`);
export const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
export const seconds = (iso) => Date.parse(iso) / 1000;
export const clock = (at) => new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ");

/** 24-hour times, with the day below where it begins and at the left end. */
export function times(u, ticks) {
  let day = "";
  return ticks.map((t) => {
    const iso = new Date(t * 1000).toISOString();
    const isNew = iso.slice(0, 10) !== day;
    day = iso.slice(0, 10);
    return isNew ? `${iso.slice(11, 16)}\n${day}` : iso.slice(11, 16);
  });
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;
/** Steps of an axis of durations; decimal ones would read 2.8 h. */
const DURATIONS = [1, 2, 5, 10, 20, 50, 100, 200, 500, ...[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800].map((s) => s * SECOND),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000].map((h) => h * HOUR)];

export function axes(values, timeValues = times) {
  const common = {
    stroke: style("--muted"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: style("--grid"), width: 1 },
    ticks: { show: false },
  };
  return [
    { ...common, grid: { show: false }, space: 70, size: timeValues === times ? 42 : 26, values: timeValues },
    { ...common, size: 60, gap: 6, values: (u, ticks) => ticks.map(values), ...(values === millis ? { incrs: DURATIONS } : {}) },
  ];
}

/** Options of every chart over time. */
export const overTime = (values, timeValues) => ({
  tzDate: utc,
  padding: [10, 18, 0, 0],
  legend: { show: false },
  cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
  scales: { x: { time: true }, y: { range: fromZero } },
  axes: axes(values, timeValues),
});

export const fromZero = (u, min, max) => [0, max > 0 ? max * 1.1 : 1];

/** Rows of [swatch colour or null, label, value] beside the pointer. */
export function tooltip(rowsAt) {
  let box;
  return {
    hooks: {
      init(u) {
        box = document.createElement("div");
        box.className = "tooltip";
        box.hidden = true;
        u.over.append(box);
      },
      setCursor(u) {
        const index = u.cursor.idx;
        const lines = index == null || u.cursor.left < 0 ? null : rowsAt(index);
        box.hidden = !lines;
        if (!lines) return;
        box.replaceChildren(
          ...lines.map(([color, label, value]) => {
            const line = document.createElement("div");
            if (color) {
              const swatch = document.createElement("i");
              swatch.style.background = color;
              line.append(swatch);
            }
            const name = document.createElement("span");
            name.textContent = label;
            const number = document.createElement("b");
            number.textContent = value;
            line.append(name, number);
            return line;
          }),
        );
        const x = u.valToPos(u.data[0][index], "x");
        const left = x + box.offsetWidth + 16 > u.over.clientWidth ? x - box.offsetWidth - 12 : x + 12;
        box.style.transform = `translate(${Math.max(left, -50)}px, 24px)`;
      },
    },
  };
}

/** Dragging over a chart of time asks for that range alone. */
export function rangeByDrag(onRange) {
  return {
    opts: (u, options) => ({ ...options, cursor: { ...options.cursor, drag: { x: true, y: false, setScale: false, dist: 8 } } }),
    hooks: {
      setSelect(u) {
        const { left, width } = u.select;
        if (width < 8) return;
        const range = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        onRange(...range);
      },
    },
  };
}

/** A chart that follows its container's width; arrow keys move its cursor, Enter picks what is there. */
export function Plot({ height, build, data, shape, label, onPick }) {
  const holder = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    const element = holder.current;
    const u = new uPlot({ ...build(), width: element.clientWidth || 300, height }, data, element);
    plot.current = u;
    const observer = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      u.destroy();
    };
  }, [shape, height]);
  useEffect(() => plot.current?.setData(data), [data]);
  const move = (event) => {
    const u = plot.current;
    if (event.key === "Enter" && u?.cursor.idx != null) onPick?.(u.cursor.idx);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!u || !step) return;
    event.preventDefault();
    const last = u.data[0].length - 1;
    const index = Math.min(last, Math.max(0, (u.cursor.idx ?? (step > 0 ? -1 : last + 1)) + step));
    u.setCursor({ left: u.valToPos(u.data[0][index], "x"), top: 20 });
  };
  return html`<div
    class="plot"
    ref=${holder}
    tabindex="0"
    role="img"
    aria-label=${`${label} Arrow keys move along it.`}
    onKeyDown=${move}
    onBlur=${() => plot.current?.setCursor({ left: -10, top: -10 })}
  ></div>`;
}

/** A small line without axes; what it says stands in words for those who do not see it. */
export function Sparkline({ values, label }) {
  const known = (values ?? []).map((v) => v ?? 0);
  const most = Math.max(...known);
  if (known.length < 2 || !(most > 0)) return html`<span class="muted">–</span>`;
  const points = known.map((v, i) => `${((i * 96) / (known.length - 1) + 2).toFixed(1)},${(22 - (20 * v) / most).toFixed(1)}`);
  return html`<svg class="spark" viewBox="0 0 100 24" role="img" aria-label=${label} preserveAspectRatio="none">
    <polygon points=${`2,23 ${points.join(" ")} 98,23`} /><polyline points=${points.join(" ")} />
  </svg>`;
}
