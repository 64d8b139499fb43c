// The view is the address: a link shows the same range, instances and filters.
import { CLASSES, REASONS, SEVERITIES } from "./format.js";

export const PAGES = [
  ["overview", "Overview"],
  ["outliers", "Outliers"],
  ["queries", "Top queries"],
  ["advice", "Advice"],
  ["pipeline", "Pipeline"],
];
export const WINDOWS = [["24h", "24 hours"], ["1week", "1 week"]];
export const ORDERS = [["time", "Total time"], ["count", "Count"], ["spill", "Spill"], ["queue", "Queue"], ["slowdown", "Slow-down"]];

export const DEFAULTS = {
  page: "overview", window: "24h", from: "", to: "", anchor: "newest", ids: [], critical: false,
  mode: "share", hidden: ["normal"], sort: "-queries",
  severity: "", reason: "", user: "", database: "", type: "", fingerprint: "", longer: "", fold: true, offset: 0, outlier: "",
  by: "time",
};

/** The filters of the outliers; going to the page afresh leaves them behind. */
export const NO_FILTERS = { severity: "", reason: "", user: "", database: "", type: "", fingerprint: "", longer: "", offset: 0 };

const oneOf = (keys, value, otherwise) => (keys.includes(value) ? value : otherwise);
const keysOf = (pairs) => pairs.map(([key]) => key);
const time = (text) => (text && !isNaN(Date.parse(text)) ? text : "");

export function readView() {
  const query = new URLSearchParams(location.search);
  const text = (name) => query.get(name) ?? "";
  const [from, to] = [time(text("from")), time(text("to"))];
  const isCustom = from && to && from < to;
  // Alerts link to #outlier=ID.
  const alerted = new URLSearchParams(location.hash.slice(1)).get("outlier");
  return {
    ...DEFAULTS,
    page: alerted ? "outliers" : oneOf(keysOf(PAGES), query.get("view"), "overview"),
    window: isCustom ? "custom" : oneOf(keysOf(WINDOWS), query.get("window"), "24h"),
    from: isCustom ? from : "",
    to: isCustom ? to : "",
    anchor: oneOf(["newest", "now"], query.get("anchor"), "newest"),
    ids: text("ids").split(",").filter(Boolean),
    critical: query.get("critical") === "true",
    mode: oneOf(["share", "count"], query.get("chart"), "share"),
    hidden: (query.get("hide") ?? "normal").split(",").filter((key) => CLASSES.some((c) => c.key === key)),
    sort: text("sort") || DEFAULTS.sort,
    severity: oneOf(SEVERITIES.map((s) => s.key), query.get("severity"), ""),
    reason: oneOf(REASONS.map((r) => r.key), query.get("reason"), ""),
    user: text("user"),
    database: text("database"),
    type: text("type"),
    fingerprint: text("fingerprint"),
    longer: /^\d+$/.test(text("longer")) ? text("longer") : "",
    fold: query.get("fold") !== "false",
    offset: Math.max(0, parseInt(text("offset"), 10) || 0),
    outlier: alerted ?? text("outlier"),
    by: oneOf(keysOf(ORDERS), query.get("by"), "time"),
  };
}

/** What is not as by default, as a query; of another page's settings nothing. */
export function addressOf(view) {
  const query = new URLSearchParams();
  const put = (name, key = name, value = view[key]) => {
    if (String(value) !== String(DEFAULTS[key])) query.set(name, String(value));
  };
  put("view", "page");
  if (view.window === "custom") {
    put("from");
    put("to");
  } else {
    put("window");
    put("anchor");
  }
  put("ids");
  put("critical");
  if (view.page === "overview") {
    put("chart", "mode");
    put("hide", "hidden");
    put("sort");
  }
  if (view.page === "outliers") {
    ["severity", "reason", "user", "database", "type", "fingerprint", "longer", "fold", "offset", "outlier"].forEach((name) => put(name));
  }
  if (view.page === "queries") put("by");
  // Commas and colons are plain in a query, and easier to read.
  return `?${query}`.replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/** The range as the API takes it, without the instances. */
export function rangeQuery(view) {
  const query = new URLSearchParams();
  if (view.window === "custom") {
    query.set("from", view.from);
    query.set("to", view.to);
  } else {
    query.set("window", view.window);
    if (view.anchor !== "newest") query.set("anchor", view.anchor);
  }
  return query;
}

/** Range and instances as the API takes them, with other parameters; empty ones are left out. */
export function scopeQuery(view, others = {}) {
  const query = rangeQuery(view);
  if (view.ids.length) query.set("ids", view.ids.join(","));
  if (view.critical) query.set("critical", "true");
  for (const [name, value] of Object.entries(others)) if (value !== "" && value != null) query.set(name, value);
  return query;
}

export const flip = (list, key) => (list.includes(key) ? list.filter((k) => k !== key) : [...list, key]);
