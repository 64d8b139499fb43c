// Numbers, times and names as the page writes them. All times are UTC.

export const CLASSES = [
  { key: "queue_wlm_bound", label: "Queue / WLM", hint: "simple queries that waited longer than they ran" },
  { key: "io_bound", label: "I/O", hint: "large scans held up by disk" },
  { key: "cpu_bound", label: "CPU", hint: "joins and aggregations that compute long for what they scan" },
  { key: "network_bound", label: "Network", hint: "COPY and UNLOAD transfers" },
  { key: "normal", label: "Normal", hint: "no dominant bottleneck" },
];

export const labelOf = (key) => CLASSES.find((c) => c.key === key)?.label ?? key ?? "–";

export const SEVERITIES = [
  { key: "critical", label: "Critical", hint: "ten times and two minutes more than was to be expected" },
  { key: "major", label: "Major", hint: "ten times or two minutes more than was to be expected" },
  { key: "minor", label: "Minor", hint: "beyond the alert threshold, by less than that" },
];

export const REASONS = [
  { key: "slower_than_predicted", label: "Slower than predicted" },
  { key: "slow_without_history", label: "Slow without history" },
  { key: "ratio", label: "Many times the prediction" },
  { key: "delta", label: "Minutes above the prediction" },
  { key: "rank", label: "Among the slowest of its instance" },
];

export const reasonOf = (key) => REASONS.find((r) => r.key === key)?.label ?? key ?? "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const DASH = "–";

export const count = (n) => (n == null ? DASH : Math.abs(n) < 1e6 ? whole.format(n) : short.format(n));

export const rate = (n) =>
  n == null ? DASH : n >= 1e5 ? short.format(n) : n >= 10 || n === 0 ? whole.format(n) : n.toFixed(1);

/** A share from 0 to 1 in percent; small shares keep a second digit. */
export function percent(share) {
  if (share == null) return DASH;
  const p = share * 100;
  return `${p !== 0 && Math.abs(p) < 1 ? p.toFixed(2) : p.toFixed(1)} %`;
}

/** How many times as much; small ratios keep a digit. */
export const times = (ratio) => (ratio == null ? DASH : `${ratio < 10 ? ratio.toFixed(1) : count(ratio)}×`);

export function megabytes(mb) {
  if (mb == null) return DASH;
  const units = ["MB", "GB", "TB", "PB"];
  let i = 0;
  let value = mb;
  while (Math.abs(value) >= 1000 && i < units.length - 1) {
    value /= 1000;
    i++;
  }
  return `${Math.abs(value) >= 100 || value === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[i]}`;
}

export function millis(ms) {
  if (ms == null) return DASH;
  if (ms === 0) return "0";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 120) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  const m = s / 60;
  if (m < 120) return `${Math.round(m)} min`;
  const h = m / 60;
  return h < 48 ? `${h.toFixed(h < 10 ? 1 : 0)} h` : `${whole.format(h / 24)} d`;
}

/** How long ago, coarse on purpose: it is read at a glance. */
export function age(seconds) {
  if (seconds < 1.5) return "1 s";
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export const dateTime = (iso) => (iso ? iso.slice(0, 19).replace("T", " ").replace("Z", "") : DASH);
export const timeOnly = (iso) => (iso ? iso.slice(11, 19).replace("Z", "") : DASH);

/** A file's size, in powers of 1000. */
export function bytes(size) {
  if (size == null) return DASH;
  if (size < 1e6) return size < 1000 ? `${whole.format(size)} B` : `${whole.format(size / 1000)} kB`;
  return megabytes(size / 1e6);
}
