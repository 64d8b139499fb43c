// Requests to the API, with the access token where the server asks for one.

const TOKEN = "highwater-token";
const TIMEOUT_MS = 15000;

/** An answer other than what was asked for; detail is a sentence to show. */
export class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

// Session storage: a token is not to outlive the tab that it was typed into.
let token = null;
try {
  token = sessionStorage.getItem(TOKEN);
} catch {
  // Without storage it lasts as long as the page.
}

export const hasToken = () => token !== null;

export function setToken(value) {
  token = value;
  try {
    if (value === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, value);
  } catch {
    // As above.
  }
}

/** The response as it comes, for streams and downloads; a refusal is thrown. */
export async function open(path, options = {}) {
  const headers = { ...options.headers };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  // no-cache: the browser sends the entity tag it has, and an unchanged answer costs a few bytes.
  const response = await fetch(path, { cache: "no-cache", ...options, headers });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refusal(response.status, problem.detail ?? problem.title ?? `${path.split("?")[0]} answered ${response.status}`);
}

/** Status and body of an answer that is JSON. */
export async function get(path) {
  const response = await open(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: response.status, body: await response.json() };
}

export async function post(path, body) {
  const response = await open(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return response.json();
}

/** Saves an answer as a file; a link cannot send the token. */
export async function download(path, name) {
  const response = await open(path);
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

/** Whether a failure means that the server was not reached, not that it refused. */
export const isUnreachable = (error) => !(error instanceof Refusal) || [502, 504].includes(error.status);
