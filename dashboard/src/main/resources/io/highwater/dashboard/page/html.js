import { createContext, h } from "./vendor/preact/preact.js";
import { useContext } from "./vendor/preact/hooks.js";
import htm from "./vendor/htm/htm.js";

// Values in templates become text nodes and properties, never markup.
export const html = htm.bind(h);

/** What every part of the page may need: the view and how to change it, the feed, the theme. */
export const Page = createContext(null);
export const usePage = () => useContext(Page);
