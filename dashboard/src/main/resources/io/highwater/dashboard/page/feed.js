// What the page knows of the server. It follows the status, by the event stream where there is one
// and otherwise by asking every second, and reads the answers a view needs again when the store's
// version or the view has changed. What was last read stays when the server is lost.
import { Refusal, get, hasToken, isUnreachable, setToken } from "./http.js";
import { NOTHING_LIVE, listen, withEvent } from "./live.js";

const POLL_MS = 1000;
const HIDDEN_POLL_MS = 15000;
const RETRY_MAX_MS = 8000;
const REFRESH_MS = 2000;
/** How long to wait before what was refused is asked for again. */
const FAILED_MS = 10000;
/** The stream has a heartbeat every 15 s. */
const SILENT_MS = 40000;
/** How long to poll before the stream is tried again where there was none. */
const STREAM_RETRY_MS = 60000;

export function startFeed(onChange) {
  let state = {
    status: null, receivedAt: 0, lost: null, streaming: false, paused: null, data: {}, live: NOTHING_LIVE,
    session: null, signIn: null,
  };
  let wanted = {};
  let failures = 0;
  let timer = 0;
  let beating = false;
  let stream = null;
  let lastHeard = 0;
  let lastId = null;
  let noStreamUntil = 0;
  let announced = 0;
  const busy = new Set();

  /** Changes come in bursts; the page is drawn once for each. */
  function change(part) {
    state = { ...state, ...part };
    announced ||= setTimeout(() => {
      announced = 0;
      onChange(state);
    }, 8);
  }
  const setSlot = (name, slot) => change({ data: { ...state.data, [name]: slot } });

  function refused(error) {
    if (error instanceof Refusal && error.status === 401) {
      change({ signIn: { reason: hasToken() ? error.message : null } });
      return true;
    }
    return false;
  }

  const versionOf = (status) => (status ? `${status.version}/${status.model?.version}` : null);

  function isDue(name) {
    const slot = state.data[name];
    if (!slot || slot.path !== wanted[name].path) return true;
    if (state.paused) return false;
    const age = performance.now() - slot.at;
    if (slot.progress) return age > POLL_MS;
    if (slot.problem) return age > FAILED_MS;
    return age > (wanted[name].every ?? Infinity) || (slot.version !== versionOf(state.status) && age > REFRESH_MS);
  }

  async function load(name) {
    const { path } = wanted[name];
    const key = `${name} ${path}`;
    if (busy.has(key)) return;
    busy.add(key);
    const version = versionOf(state.status);
    let slot = state.data[name];
    if (slot?.path !== path) setSlot(name, { ...slot, loading: true });
    slot = { path, version, at: performance.now(), body: state.data[name]?.body };
    try {
      const { status, body } = await get(path);
      // A range that is read from the lake: the answer comes when it is in.
      slot = status === 202 ? { ...slot, body: undefined, progress: body } : { ...slot, body };
    } catch (error) {
      if (refused(error)) slot = null;
      else if (isUnreachable(error) && error.name !== "TimeoutError") {
        slot = null;
        lose(error);
      } else if (error.status === 404) slot = { ...slot, body: undefined, missing: error.message };
      else slot = { ...slot, problem: error.name === "TimeoutError" ? "The answer took too long; narrow the range." : error.message };
    }
    busy.delete(key);
    if (wanted[name]?.path !== path) return;
    slot ??= { ...state.data[name], path: undefined, loading: false };
    // The first answers come before the first status.
    slot = { ...slot, version: version ?? versionOf(state.status), at: performance.now() };
    setSlot(name, slot);
  }

  /** Reads what is due; a paused page still shows another view when it is asked for one. */
  function refresh() {
    if (!state.session || state.signIn || state.lost) return;
    Object.keys(wanted).filter(isDue).forEach(load);
  }

  function accept(status) {
    failures = 0;
    change({ status, receivedAt: Date.now(), lost: null });
    refresh();
  }

  function lose(error) {
    failures++;
    if (!state.lost) change({ lost: { since: Date.now(), reason: error.message } });
  }

  async function follow() {
    if (stream || document.hidden || state.paused || state.lost || state.signIn || performance.now() < noStreamUntil) return;
    stream = new AbortController();
    const own = stream;
    lastHeard = performance.now();
    try {
      await listen(lastId, own.signal,
        (name, data, id) => {
          if (own.signal.aborted) return;
          lastId = id ?? lastId;
          if (name === "status") accept(data);
          else change({ live: withEvent(state.live, name, data) });
        },
        () => {
          lastHeard = performance.now();
          if (!state.streaming && !own.signal.aborted) change({ streaming: true });
        });
    } catch (error) {
      if (!own.signal.aborted && !refused(error) && (error instanceof Refusal || !isUnreachable(error) || !state.streaming)) {
        noStreamUntil = performance.now() + STREAM_RETRY_MS;
      }
    }
    if (stream === own) {
      stream = null;
      noStreamUntil = Math.max(noStreamUntil, performance.now() + POLL_MS);
      change({ streaming: false });
      beat();
    }
  }

  function hangUp() {
    stream?.abort();
    stream = null;
    change({ streaming: false });
  }

  async function beat() {
    if (beating) return;
    beating = true;
    clearTimeout(timer);
    let next = document.hidden ? HIDDEN_POLL_MS : POLL_MS;
    if (state.streaming && performance.now() - lastHeard > SILENT_MS) hangUp();
    if (!state.paused && !state.signIn && (!state.streaming || state.lost)) {
      try {
        if (!state.session) change({ session: await session() });
        if (state.session.auth_required && !hasToken()) change({ signIn: { reason: null } });
        else {
          refresh();
          accept((await get("api/status")).body);
        }
      } catch (error) {
        if (!refused(error)) {
          lose(error);
          next = Math.min(RETRY_MAX_MS, POLL_MS * 2 ** Math.min(5, failures - 1));
        }
      }
    }
    refresh();
    beating = false;
    timer = setTimeout(beat, next);
    follow();
  }

  /** Who is signed in; a server that knows no sessions is open to all. */
  async function session() {
    try {
      return (await get("api/session")).body;
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return { auth_required: false };
      throw error;
    }
  }

  // A tab in the background needs no stream: browsers open only six connections to a server, and
  // with that many tabs none would be left to ask anything. It catches up when it is looked at.
  function wake() {
    if (document.hidden) hangUp();
    else beat();
  }
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  addEventListener("pageshow", wake);
  beat();

  return {
    /** The answers that the view needs, by name: {path, every: milliseconds where the clock counts}. */
    show(requests) {
      wanted = requests;
      refresh();
    },
    /** Reads the named answers again. */
    again(...names) {
      for (const name of names) if (wanted[name]) load(name);
    },
    retry() {
      change({ lost: null });
      Object.keys(wanted).filter((name) => state.data[name]?.problem).forEach(load);
      beat();
    },
    pause(isPaused) {
      change({ paused: isPaused ? Date.now() : null });
      if (isPaused) hangUp();
      else beat();
    },
    signIn(token) {
      setToken(token);
      change({ signIn: null, session: null, data: {} });
      beat();
    },
    signOut() {
      setToken(null);
      hangUp();
      change({ session: null, data: {}, signIn: { reason: null } });
    },
  };
}
