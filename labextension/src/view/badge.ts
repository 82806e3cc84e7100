/** The mark of a run: a glyph, a word and a colour, so that no one of them is needed to understand it. */

import { h } from "./dom";
import type { Row, Tone } from "./shapes";
import { visible } from "./text";

const TONES: ReadonlySet<string> = new Set<Tone>(["good", "warn", "bad", "busy", "none"]);

export function tone(row: Row): Tone {
  return TONES.has(row.badge.tone) ? row.badge.tone : "none";
}

export function badge(row: Row): HTMLElement {
  return h(
    "span",
    { class: `naga-badge naga-${tone(row)}` },
    h("span", { "aria-hidden": "true" }, visible(row.badge.glyph)),
    " ",
    h("span", { class: "naga-word" }, visible(row.badge.word)),
  );
}

/** Return the key that names a run in questions: its receipt's path, or its id when it has none. */
export function keyOf(row: { path?: string | null; id?: string | null }): string {
  return row.path ?? row.id ?? "";
}

export function nameOf(row: { stage?: string | null; path?: string | null; id?: string | null }): string {
  return visible(row.stage ?? row.path ?? row.id ?? "?");
}
