// Asks for the access token where the server wants one.
import { html } from "./html.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";

/** reason says why the token that was sent was not taken; null where none was sent. */
export function SignIn({ reason, onToken }) {
  const [token, setToken] = useState("");
  const box = useRef(null);
  useEffect(() => {
    const dialog = box.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const submit = (event) => {
    event.preventDefault();
    if (token.trim()) onToken(token.trim());
  };
  return html`<dialog ref=${box} class="signin" aria-labelledby="signin" onCancel=${(e) => e.preventDefault()}>
    <form onSubmit=${submit}>
      <h2 id="signin">Access token</h2>
      <p class="muted">This dashboard is not open to all. Whoever runs it makes you a token with <code class="nowrap">scripts/highwater dashboard</code> <code class="nowrap">--newToken=NAME:ROLE</code>.</p>
      ${reason && html`<p class="problem" role="alert">${reason}</p>`}
      <label>Token <input type="password" autocomplete="off" spellcheck=${false} required value=${token} onInput=${(e) => setToken(e.target.value)} /></label>
      <p class="muted small">It is kept in this tab until it is closed.</p>
      <button class="button on" disabled=${!token.trim()}>Sign in</button>
    </form>
  </dialog>`;
}
