// The charts of the views.
import { html } from "./html.js";
import { useMemo, useRef } from "./vendor/preact/hooks.js";
import uPlot from "./vendor/uplot/uPlot.js";
import { CLASSES, count, millis, percent, rate, times as timesOf } from "./format.js";
import { Plot, axes, clock, colorOf, overTime, rangeByDrag, seconds, style, tooltip } from "./plot.js";

// A lake younger than the range would leave most of a chart empty.
const firstWithData = (values) => Math.max(0, (values ?? []).findIndex((n) => n > 0));

function stack(chart, shown, mode) {
  const total = chart.series.queries ?? [];
  const first = firstWithData(total);
  const x = chart.times.slice(first).map(seconds);
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

/** Severities differ by shape and size, not by colour alone. */
const SHAPES = { critical: [5.5, (c, x, y, r) => diamond(c, x, y, r)], major: [4.5, (c, x, y, r) => triangle(c, x, y, r)], minor: [3, (c, x, y, r) => c.arc(x, y, r, 0, 7)], several: [2.5, (c, x, y, r) => c.arc(x, y, r, 0, 7)] };

function diamond(context, x, y, r) {
  context.moveTo(x, y - r);
  context.lineTo(x + r, y);
  context.lineTo(x, y + r);
  context.lineTo(x - r, y);
  context.closePath();
}

function triangle(context, x, y, r) {
  context.moveTo(x - r, y - r);
  context.lineTo(x + r, y - r);
  context.lineTo(x, y + r);
  context.closePath();
}

const MARK_LINE = 9;

/**
 * The outliers to mark: the newest one by one, as the server names them, and before these each step
 * that has some.
 */
function marksOf(chart) {
  const marks = chart.marks ?? [];
  const step = chart.step_seconds * 1000;
  const oldest = marks.length ? Math.min(...marks.map((m) => Date.parse(m.event_time))) : Infinity;
  const steps = (chart.series.outliers ?? [])
    .map((outliers, i) => ({ outliers, from: Date.parse(chart.times[i]) }))
    .filter((s) => s.outliers > 0 && s.from + step <= oldest)
    .map((s) => ({ ...s, severity: "several", to: s.from + step, event_time: new Date(s.from + step / 2).toISOString() }));
  return [...steps, ...marks];
}

/** Outliers at the moment they happened, in a line along the top; a click opens one. */
function outlierMarks(marksNow, onMark) {
  const nearest = (u, event) => {
    const box = u.over.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (y > 2 * MARK_LINE) return null;
    const near = (m) => Math.abs(u.valToPos(seconds(m.event_time), "x") - x);
    const best = marksNow().reduce((a, b) => (a && near(a) <= near(b) ? a : b), null);
    return best && near(best) < 8 ? best : null;
  };
  return {
    hooks: {
      ready(u) {
        u.over.addEventListener("click", (event) => {
          const mark = nearest(u, event);
          if (mark) onMark(mark);
        });
        u.over.addEventListener("mousemove", (event) => u.over.classList.toggle("on-mark", !!nearest(u, event)));
      },
      draw(u) {
        const { ctx: context, bbox } = u;
        const scale = devicePixelRatio;
        context.save();
        context.beginPath();
        context.rect(bbox.left - 6 * scale, bbox.top, bbox.width + 12 * scale, bbox.height);
        context.clip();
        context.lineWidth = 1.2 * scale;
        context.strokeStyle = style("--panel");
        // The worst last, on top.
        for (const severity of ["several", "minor", "major", "critical"]) {
          const [radius, shape] = SHAPES[severity];
          context.fillStyle = style(severity === "several" ? "--class-normal" : `--severity-${severity}`);
          for (const mark of marksNow()) {
            if ((mark.severity ?? "minor") !== severity) continue;
            context.beginPath();
            shape(context, u.valToPos(seconds(mark.event_time), "x", true), bbox.top + MARK_LINE * scale, radius * scale);
            context.fill();
            context.stroke();
          }
        }
        context.restore();
      },
    },
  };
}

/** The classes' shares or counts, stacked; hidden classes are left out and the scale follows. */
export function ClassChart({ chart, hidden, mode, theme, onRange, onMark }) {
  const shown = CLASSES.filter((c) => !hidden.includes(c.key));
  const { x, total, first, data } = useMemo(() => stack(chart, shown, mode), [chart, hidden.join(), mode]);
  // The tooltip reads what the newest data is, not what it was when the chart was made.
  const now = useRef(null);
  const marks = useMemo(() => marksOf(chart), [chart]);
  now.current = { chart, total, first, x, marks, onRange, onMark };
  const build = () => {
    const options = overTime((t) => (mode === "share" ? `${+(t * 100).toFixed(2)} %` : count(t)));
    return {
      ...options,
      // Room above for the outliers' marks.
      scales: { x: { time: true }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.12 : 1] } },
      series: [
        {},
        ...shown.map((c) => ({ stroke: colorOf(c.key), width: 1.5, fill: `${colorOf(c.key)}b8`, points: { show: x.length < 3, size: 5 } })),
      ],
      bands: shown.slice(1).map((_, i) => ({ series: [i + 2, i + 1] })),
      plugins: [
        rangeByDrag((...range) => now.current.onRange(...range)),
        outlierMarks(() => now.current.marks, (mark) => now.current.onMark(mark)),
        tooltip((i) => {
          const { chart, total, first, x } = now.current;
          const at = i + first;
          if (x[i] == null) return null;
          const outliers = chart.series.outliers?.[at];
          return [
            [null, `${clock(x[i])} UTC`, `${count(total[at])} queries`],
            ...[...CLASSES].reverse().map((c) => {
              const n = chart.series[c.key][at];
              return [colorOf(c.key), c.label, total[at] ? `${percent(n / total[at])}  (${count(n)})` : "–"];
            }),
            ...(outliers == null ? [] : [[null, "Outliers", count(outliers)]]),
          ];
        }),
      ],
    };
  };
  const pick = (i) => {
    const [from, to] = [x[i] * 1000, (x[i] + chart.step_seconds) * 1000];
    const mark = marks.findLast((m) => Date.parse(m.event_time) >= from && Date.parse(m.event_time) < to);
    if (mark) onMark(mark);
  };
  return html`<${Plot}
    height=${270}
    build=${build}
    data=${data}
    shape=${[hidden.join(), mode, theme, x.length < 3].join("|")}
    label=${`${mode === "share" ? "Share" : "Count"} of queries by class over event time, outliers marked above. Enter opens one.`}
    onPick=${pick}
  />`;
}

/** How long queries ran and how long they waited in the queue, one upon the other. */
export function WorkChart({ chart, theme, onRange }) {
  const { x, queue, run, data } = useMemo(() => {
    const first = firstWithData(chart.series.queries);
    const x = chart.times.slice(first).map(seconds);
    const run = (chart.series.execution_ms ?? []).slice(first);
    const queue = (chart.series.queue_ms ?? []).slice(first);
    return { x, run, queue, data: [x, run.map((r, i) => r + queue[i]), run] };
  }, [chart]);
  const now = useRef(null);
  now.current = { x, queue, run, onRange };
  const build = () => ({
    ...overTime(millis),
    series: [
      {},
      { stroke: colorOf("queue_wlm_bound"), width: 1.5, fill: `${colorOf("queue_wlm_bound")}b8`, points: { show: x.length < 3 } },
      { stroke: style("--accent"), width: 1.5, fill: `${style("--accent")}66`, points: { show: x.length < 3 } },
    ],
    bands: [{ series: [1, 2] }],
    plugins: [
      rangeByDrag((...range) => now.current.onRange(...range)),
      tooltip((i) => {
        const { x, queue, run } = now.current;
        if (x[i] == null) return null;
        return [
          [null, `${clock(x[i])} UTC`, ""],
          [colorOf("queue_wlm_bound"), "In the queue", millis(queue[i])],
          [style("--accent"), "Running", millis(run[i])],
          [null, "Queue share", percent(queue[i] + run[i] ? queue[i] / (queue[i] + run[i]) : null)],
        ];
      }),
    ],
  });
  return html`<${Plot} height=${270} build=${build} data=${data} shape=${[theme, x.length < 3].join("|")} label="Queue time upon run time, summed, over event time." />`;
}

/** Lines over time: series are {label, values, color (a variable's name), format}. */
export function LineChart({ times, series, theme, label, height = 190, format = count, stepped, seconds: withSeconds }) {
  const x = useMemo(() => times.map(seconds), [times]);
  const data = useMemo(() => [x, ...series.map((s) => s.values)], [x, ...series.map((s) => s.values)]);
  const now = useRef(null);
  now.current = { x, series };
  const build = () => ({
    ...overTime(format),
    series: [
      {},
      ...series.map((s) => ({
        stroke: style(s.color),
        fill: series.length === 1 ? `${style(s.color)}30` : undefined,
        width: 1.5,
        paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
        points: { show: x.length < 3, size: 5 },
      })),
    ],
    plugins: [
      tooltip((i) => {
        const { x, series } = now.current;
        if (x[i] == null) return null;
        const at = withSeconds ? new Date(x[i] * 1000).toISOString().slice(11, 19) : clock(x[i]);
        return [[null, `${at} UTC`, ""], ...series.map((s) => [style(s.color), s.label, (s.format ?? format)(s.values[i])])];
      }),
    ],
  });
  return html`<${Plot} height=${height} build=${build} data=${data} shape=${[theme, series.length, x.length < 3].join("|")} label=${label} />`;
}

/** Rows that arrived in the lake, by wall clock. */
export function ThroughputChart({ throughput, theme }) {
  const start = Date.parse(throughput.from);
  const step = throughput.step_seconds * 1000;
  const times = useMemo(() => throughput.rows_per_second.map((_, i) => new Date(start + i * step).toISOString()), [throughput]);
  const series = [{ label: "Queries/s", values: throughput.rows_per_second, color: "--accent" }];
  return html`<${LineChart} times=${times} series=${series} format=${rate} theme=${theme} stepped seconds label="Queries per second over the last ten minutes of wall clock." />`;
}

const log = (ms) => Math.log10(Math.max(1, ms));
const dots = (color, size) => ({ stroke: color, paths: () => null, points: { show: true, size, width: 0, fill: color } });
const decades = (u, axis, min, max) => {
  const ticks = [];
  for (let t = Math.ceil(min); t <= max; t++) ticks.push(t);
  return ticks;
};
const powersOfTen = (t) => millis(10 ** t);

/** Whole half decades around all that is drawn. */
function aroundAll(u) {
  const all = u.data.slice(1).flat().filter((v) => v != null);
  return all.length ? [Math.floor(Math.min(...all) * 2) / 2, Math.ceil(Math.max(...all) * 2 + 0.01) / 2] : [2, 6];
}

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
  const build = () => {
    const [x, y] = axes(powersOfTen, (u, ticks) => ticks.map(powersOfTen));
    const named = (axis, label) => ({ ...axis, label, labelSize: 20, labelFont: axis.font, splits: decades, grid: { stroke: style("--grid"), width: 1 } });
    return {
      padding: [10, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      // One square for both axes, so that the line of equality is the diagonal.
      scales: { x: { time: false, range: aroundAll }, y: { range: aroundAll } },
      axes: [{ ...named(x, "predicted"), size: 26 }, named(y, "actual")],
      series: [{}, { stroke: style("--muted"), width: 1, dash: [4, 4], points: { show: false } }, dots(`${style("--accent")}90`, 5), dots(style("--bad"), 7)],
      plugins: [
        tooltip((i) => {
          const r = now.current[i];
          if (!r) return null;
          return [
            [null, `${clock(seconds(r.event_time))} UTC`, `instance ${r.instance}`],
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
  return html`<${Plot} height=${330} build=${build} data=${data} shape=${theme}
    label=${`Actual against predicted duration of the ${rows.length} newest scored queries, ${outliers} of them outliers.`} />`;
}

/** How long one fingerprint took each time, in powers of ten, outliers in red, the prediction as a line. */
export function HistoryChart({ points, theme }) {
  const sorted = useMemo(() => [...points].sort((a, b) => seconds(a.event_time) - seconds(b.event_time)), [points]);
  const data = useMemo(() => {
    const value = (v) => (v == null ? null : log(v));
    return [
      sorted.map((p) => seconds(p.event_time)),
      sorted.map((p) => value(p.predicted_ms)),
      sorted.map((p) => (p.is_outlier ? null : value(p.actual_ms))),
      sorted.map((p) => (p.is_outlier ? value(p.actual_ms) : null)),
    ];
  }, [sorted]);
  const now = useRef(null);
  now.current = sorted;
  const build = () => {
    const options = overTime(powersOfTen);
    return {
      ...options,
      scales: {
        // A single point has no range of its own.
        x: { time: true, range: (u, min, max) => (max > min ? [min - (max - min) * 0.03, max + (max - min) * 0.03] : [min - 3600, max + 3600]) },
        y: { range: aroundAll },
      },
      axes: [options.axes[0], { ...options.axes[1], splits: decades }],
      series: [
        {},
        { ...dots(style("--muted"), 4), spanGaps: true },
        dots(style("--accent"), 6),
        dots(style("--bad"), 8),
      ],
      plugins: [
        tooltip((i) => {
          const p = now.current[i];
          if (!p) return null;
          return [
            [null, `${clock(seconds(p.event_time))} UTC`, p.is_outlier ? "outlier" : ""],
            [p.is_outlier ? style("--bad") : style("--accent"), "took", millis(p.actual_ms)],
            [style("--muted"), "predicted", millis(p.predicted_ms)],
          ];
        }),
      ],
    };
  };
  return html`<${Plot} height=${220} build=${build} data=${data} shape=${theme}
    label=${`How long this query took the last ${sorted.length} times, and what was predicted.`} />`;
}
