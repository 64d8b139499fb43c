import { h } from "./vendor/preact/preact.js";
import htm from "./vendor/htm/htm.js";

// Values in templates become text nodes and properties, never markup.
export const html = htm.bind(h);
