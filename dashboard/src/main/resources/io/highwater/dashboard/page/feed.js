// Talks to the API: polls the status every second and reads the rest again when the store's version
// or the view has changed. What was last read stays when the server is lost.

const POLL_MS = 1000;
const HIDDEN_POLL_MS = 15000;
const TIMEOUT_MS = 10000;
const RETRY_MAX_MS = 8000;
const REFRESH_MS = 2000;
const OUTLIERS = 100;
const PREDICTIONS = 500;

async function get(path) {
  // no-cache: the browser sends the entity tag it has, and an unchanged answer costs a few bytes.
  const response = await fetch(path, { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT_MS) });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? `${path} answered ${response.status}`);
  return body;
}

export function startFeed(onChange) {
  const state = { status: null, receivedAt: 0, lost: null, problem: null, loadingView: true, data: {} };
  let view = null;
  let loaded = { version: null, model: null, view: null, at: 0 };
  let failures = 0;
  let timer = 0;
  let running = false;

  async function refresh(status) {
    const wanted = view;
    const query = new URLSearchParams({ window: wanted.window });
    const all = `?${query}`;
    if (wanted.ids.length) query.set("ids", wanted.ids.join(","));
    const scope = `?${query}`;
    if (wanted.severity) query.set("severity", wanted.severity);
    if (wanted.reason) query.set("reason", wanted.reason);
    const outlying = `?${query}&limit=${OUTLIERS}`;
    const recent = new URLSearchParams({ limit: "40" });
    if (wanted.ids.length) recent.set("ids", wanted.ids.join(","));
    const scored = new URLSearchParams(recent);
    scored.set("limit", PREDICTIONS);
    const [metrics, chart, table, critical, rejected, queries, outliers, predictions, models] = await Promise.all([
      get(`api/metrics${scope}`),
      get(`api/classification/chart${scope}`),
      get(`api/classification/table${all}`),
      get(`api/instances/critical${all}`),
      get("api/rejected?limit=50"),
      get(`api/queries/recent?${recent}`),
      get(`api/anomalies${outlying}`),
      get(`api/predictions?${scored}`),
      get("api/models"),
    ]);
    if (wanted !== view) return false;
    state.data = { ...state.data, metrics, chart, table, critical, rejected, queries, outliers, predictions, models };
    loaded = { version: status.version, model: status.model.version, view: wanted, at: performance.now() };
    state.loadingView = false;
    return true;
  }

  async function tick() {
    if (running) return;
    running = true;
    clearTimeout(timer);
    let next = document.hidden ? HIDDEN_POLL_MS : POLL_MS;
    try {
      const [status, throughput] = await Promise.all([get("api/status"), get("api/throughput?minutes=10")]);
      state.status = status;
      state.receivedAt = Date.now();
      state.data.throughput = throughput;
      const isNew = loaded.version !== status.version || loaded.model !== status.model.version;
      const stale = isNew && performance.now() - loaded.at > REFRESH_MS;
      if (loaded.view !== view || stale) {
        try {
          if (!(await refresh(status))) next = 0;
          state.problem = null;
        } catch (error) {
          if (error instanceof TypeError || error.name === "TimeoutError") throw error;
          state.problem = error.message;
          state.loadingView = false;
        }
      }
      state.lost = null;
      failures = 0;
    } catch (error) {
      failures++;
      state.lost ??= { since: Date.now(), reason: error.message };
      next = Math.min(RETRY_MAX_MS, POLL_MS * 2 ** (failures - 1));
    }
    running = false;
    timer = setTimeout(tick, next);
    onChange({ ...state });
  }

  document.addEventListener("visibilitychange", () => document.hidden || tick());
  window.addEventListener("online", tick);

  return {
    /** Asks for another window, other instances or other outliers; ids are text. */
    show(newView) {
      if (view && JSON.stringify(view) === JSON.stringify(newView)) return;
      view = newView;
      state.loadingView = true;
      onChange({ ...state });
      tick();
    },
    retry: tick,
  };
}
