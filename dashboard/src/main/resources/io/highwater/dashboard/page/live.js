// The server's event stream. EventSource cannot send a token, so the stream is read by fetch.
import { open } from "./http.js";

const WINDOWS_KEPT = 3;
const OUTLIERS_KEPT = 50;

/**
 * Listens until the stream ends or is aborted; throws where there is none. onEvent is given each
 * event's name, data and id, onHeard is called for every piece, also for heartbeats.
 */
export async function listen(lastId, signal, onEvent, onHeard) {
  const headers = { Accept: "text/event-stream" };
  if (lastId) headers["Last-Event-ID"] = lastId;
  const response = await open("api/live", { headers, signal, cache: "no-store" });
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    throw new Error("api/live is no event stream");
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  onHeard();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    onHeard();
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parse(block);
      if (event) onEvent(event.name, event.data, event.id);
    }
  }
}

function parse(block) {
  let name = "message";
  let id = null;
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (line.startsWith("event:")) name = value;
    else if (line.startsWith("data:")) data.push(value);
    else if (line.startsWith("id:")) id = value;
  }
  if (!data.length) return null;
  try {
    return { name, id, data: JSON.parse(data.join("\n")) };
  } catch {
    return null;
  }
}

/** What the stream has brought that may not be in the lake yet: the newest panes and outliers. */
export const NOTHING_LIVE = { panes: new Map(), outliers: [], panesAt: 0 };

/** The same with one event more, a row of the lake; of a window and instance the newest pane counts. */
export function withEvent(live, name, row) {
  const instance = String(row.instance_id);
  if (name === "pane") {
    const pane = { ...row, instance };
    const key = `${pane.window_start}/${pane.window_millis}/${pane.instance}`;
    const known = live.panes.get(key);
    if (known && (known.run_id > pane.run_id || (known.run_id === pane.run_id && known.pane_index > pane.pane_index))) return live;
    const panes = new Map(live.panes).set(key, pane);
    const starts = [...new Set([...panes.values()].map((p) => p.window_start))].sort().slice(0, -WINDOWS_KEPT);
    for (const [k, p] of panes) if (starts.includes(p.window_start)) panes.delete(k);
    return { ...live, panes, panesAt: Date.now() };
  }
  if (name === "outlier") {
    const outlier = {
      outlier_id: row.outlier_id,
      event_time: row.arrival_timestamp,
      instance,
      severity: row.severity,
      ratio: row.ratio,
      actual_ms: row.execution_duration_ms,
      reason: row.outlier_reason,
      explanation: row.explanation,
    };
    const others = live.outliers.filter((o) => o.outlier_id !== outlier.outlier_id);
    return { ...live, outliers: [outlier, ...others].slice(0, OUTLIERS_KEPT) };
  }
  return live;
}

/**
 * A class chart with the windows that are newer than what the store has, from the panes; a window
 * that the store has in part stays as the store has it.
 */
export function withPanes(chart, panes, ids) {
  const times = chart?.times ?? [];
  if (!times.length || !panes.size) return chart;
  const stepMillis = chart.step_seconds * 1000;
  const end = Date.parse(times.at(-1)) + stepMillis;
  const added = new Map();
  for (const pane of panes.values()) {
    const start = Date.parse(pane.window_start);
    if (pane.window_millis !== stepMillis || start < end || (ids.length && !ids.includes(pane.instance))) continue;
    if (!added.has(start)) added.set(start, []);
    added.get(start).push(pane);
  }
  if (!added.size) return chart;
  const starts = [...added.keys()].sort((a, b) => a - b);
  const series = {};
  for (const [name, values] of Object.entries(chart.series)) {
    series[name] = [...values, ...starts.map((s) => added.get(s).reduce((sum, pane) => sum + (pane[name] ?? 0), 0))];
  }
  return { ...chart, times: [...times, ...starts.map((s) => new Date(s).toISOString())], series };
}
