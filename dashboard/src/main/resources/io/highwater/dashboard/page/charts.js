// The charts, drawn by uPlot: what it is given is numbers, and tooltips are built from text nodes.
import { html } from "./html.js";
import { useEffect, useMemo, useRef } from "./vendor/preact/hooks.js";
import uPlot from "./vendor/uplot/uPlot.js";
import { CLASSES, count, millis, percent, rate, times as timesOf } from "./format.js";

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const colorOf = (key) => style(`--class-${key}`);
const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

/** 24-hour times, with the day below where it begins and at the left end. */
function times(u, ticks) {
  let day = "";
  return ticks.map((t) => {
    const iso = new Date(t * 1000).toISOString();
    const isNew = iso.slice(0, 10) !== day;
    day = iso.slice(0, 10);
    return isNew ? `${iso.slice(11, 16)}\n${day}` : iso.slice(11, 16);
  });
}

function axes(values, timeValues) {
  const common = {
    stroke: style("--muted"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: style("--grid"), width: 1 },
    ticks: { show: false },
  };
  return [
    { ...common, grid: { show: false }, space: 70, size: 42, values: timeValues },
    { ...common, size: 58, gap: 6, values },
  ];
}

/** Rows of [swatch colour or null, label, value] beside the pointer. */
function tooltip(rowsAt) {
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
        box.style.transform = `translate(${Math.max(left, -50)}px, 8px)`;
      },
    },
  };
}

/** A chart that follows its container's width; arrow keys move its cursor. */
function Plot({ height, build, data, shape, label }) {
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

function stack(chart, shown, mode) {
  const total = chart.series.queries ?? [];
  // A lake younger than the window would leave most of the chart empty.
  const first = Math.max(0, total.findIndex((n) => n > 0));
  const x = chart.times.slice(first).map((time) => Date.parse(time) / 1000);
  const rows = [];
  for (const c of shown) {
    const below = rows.at(-1);
    rows.push(x.map((_, i) => {
      const n = chart.series[c.key]?.[i + first] ?? 0;
      const all = total[i + first];
      if (mode === "share" && !all) return null;
      return (mode === "share" ? n / all : n) + (below?.[i] ?? 0);
    }));
  }
  return { x, total, first, data: [x, ...rows] };
}

/** The classes' shares or counts, stacked; hidden classes are left out and the scale follows. */
export function ClassChart({ chart, hidden, mode, theme }) {
  const shown = CLASSES.filter((c) => !hidden.includes(c.key));
  const { x, total, first, data } = useMemo(() => stack(chart, shown, mode), [chart, hidden.join(), mode]);
  // The tooltip reads what the newest data is, not what it was when the chart was made.
  const now = useRef(null);
  now.current = { chart, total, first, x };
  const build = () => ({
    tzDate: utc,
    padding: [10, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (u, min, max) => [0, max > 0 ? Math.min(max * 1.08, mode === "share" && max > 0.93 ? 1 : Infinity) : 1] } },
    axes: axes((u, ticks) => ticks.map((t) => (mode === "share" ? `${+(t * 100).toFixed(2)} %` : count(t))), times),
    series: [
      {},
      ...shown.map((c) => ({
        stroke: colorOf(c.key),
        width: 1.5,
        fill: `${colorOf(c.key)}b8`,
        points: { show: x.length < 3, size: 5 },
      })),
    ],
    bands: shown.slice(1).map((_, i) => ({ series: [i + 2, i + 1] })),
    plugins: [
      tooltip((i) => {
        const { chart, total, first, x } = now.current;
        const at = i + first;
        if (x[i] == null) return null;
        return [
          [null, `${clock(x[i])} UTC`, `${count(total[at])} queries`],
          ...[...CLASSES].reverse().map((c) => {
            const n = chart.series[c.key][at];
            return [colorOf(c.key), c.label, total[at] ? `${percent(n / total[at])}  (${count(n)})` : "–"];
          }),
        ];
      }),
    ],
  });
  return html`<${Plot}
    height=${260}
    build=${build}
    data=${data}
    shape=${[hidden.join(), mode, theme, x.length < 3].join("|")}
    label="Share of queries by class over event time."
  />`;
}

/** Rows that arrived in the lake, by wall clock. */
export function ThroughputChart({ throughput, theme }) {
  const step = throughput.step_seconds;
  const start = Date.parse(throughput.from) / 1000;
  const data = useMemo(
    () => [throughput.rows_per_second.map((_, i) => start + i * step), throughput.rows_per_second],
    [throughput],
  );
  const x = data[0];
  const now = useRef(null);
  now.current = { x, y: throughput.rows_per_second };
  const build = () => ({
    tzDate: utc,
    padding: [10, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: axes((u, ticks) => ticks.map((t) => rate(t)), (u, ticks) => ticks.map((t) => new Date(t * 1000).toISOString().slice(11, 16))),
    series: [
      {},
      {
        stroke: style("--accent"),
        fill: `${style("--accent")}30`,
        width: 1.5,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
      },
    ],
    plugins: [
      tooltip((i) => {
        const { x, y } = now.current;
        return x[i] == null ? null : [[null, `${new Date(x[i] * 1000).toISOString().slice(11, 19)} UTC`, `${rate(y[i])} queries/s`]];
      }),
    ],
  });
  return html`<${Plot} height=${260} build=${build} data=${data} shape=${theme} label="Queries per second over the last ten minutes of wall clock." />`;
}

const log = (ms) => Math.log10(Math.max(1, ms));

/** What scored queries took against what was predicted, both in powers of ten; on the line they are equal. */
export function PredictionChart({ rows, theme }) {
  const sorted = useMemo(() => [...rows].sort((a, b) => a.predicted_ms - b.predicted_ms), [rows]);
  const data = useMemo(() => {
    const x = sorted.map((r) => log(r.predicted_ms));
    const took = (outlier) => sorted.map((r) => (!!r.is_outlier === outlier ? log(r.actual_ms) : null));
    return [x, x, took(false), took(true)];
  }, [sorted]);
  const now = useRef(null);
  now.current = sorted;
  // One square for both axes, so that the line of equality is the diagonal.
  const range = (u) => {
    const all = u.data.flat().filter((v) => v != null);
    return all.length ? [Math.floor(Math.min(...all) * 2) / 2, Math.ceil(Math.max(...all) * 2 + 0.01) / 2] : [2, 6];
  };
  const decades = (u, axis, min, max) => {
    const ticks = [];
    for (let t = Math.ceil(min); t <= max; t++) ticks.push(t);
    return ticks;
  };
  const dots = (color, size) => ({ stroke: color, paths: () => null, points: { show: true, size, width: 0, fill: color } });
  const build = () => {
    const [x, y] = axes((u, ticks) => ticks.map((t) => millis(10 ** t)), (u, ticks) => ticks.map((t) => millis(10 ** t)));
    const named = (axis, label) => ({ ...axis, label, labelSize: 20, labelFont: axis.font, splits: decades, grid: { stroke: style("--grid"), width: 1 } });
    return {
      padding: [10, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range }, y: { range } },
      axes: [{ ...named(x, "predicted"), size: 26 }, named(y, "actual")],
      series: [
        {},
        { stroke: style("--muted"), width: 1, dash: [4, 4], points: { show: false } },
        dots(`${style("--accent")}90`, 5),
        dots(style("--bad"), 7),
      ],
      plugins: [
        tooltip((i) => {
          const r = now.current[i];
          if (!r) return null;
          return [
            [null, `${clock(Date.parse(r.event_time) / 1000)} UTC`, `instance ${r.instance}`],
            [null, "predicted", millis(r.predicted_ms)],
            [null, "expected at most", millis(Math.max(r.predicted_ms, r.predicted_p90_ms ?? 0))],
            [null, "actual", `${millis(r.actual_ms)}  (${timesOf(r.actual_ms / Math.max(1, r.predicted_ms))})`],
            ...(r.is_outlier ? [[style("--bad"), "outlier", ""]] : []),
          ];
        }),
      ],
    };
  };
  const outliers = rows.filter((r) => r.is_outlier).length;
  return html`<${Plot}
    height=${330}
    build=${build}
    data=${data}
    shape=${theme}
    label=${`Actual against predicted duration of the ${rows.length} newest scored queries, ${outliers} of them outliers.`}
  />`;
}
