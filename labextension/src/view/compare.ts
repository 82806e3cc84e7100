/** Two runs side by side: only what is different. */

import { copy } from "./actions";
import { badge } from "./badge";
import type { Context } from "./context";
import { button, h, say } from "./dom";
import { runLink } from "./sections";
import type { Comparison, Difference } from "./shapes";
import { plain, short, visible } from "./text";

export async function compare(context: Context, first: string, second: string, place: HTMLElement, close: () => void): Promise<void> {
  place.replaceChildren(say("p", "naga-muted", "comparing …"));
  const answer = await context.client.ask<Comparison>("diff", { a: first, b: second });
  const bar = h(
    "div",
    { class: "naga-actions", role: "toolbar", "aria-label": "Comparison" },
    button("⇄ Swap", () => void compare(context, second, first, place, close)),
    button("Copy as text", () => void copy(answer.text, context.element).then(() => context.announce("copied"))),
    button("Close", close),
  );
  const sides = [answer.a, answer.b].map((row) => h("p", {}, badge(row), " ", runLink(context, row), ` ${visible(row.path ?? row.id)}`));
  const body = answer.identical
    ? [h("p", {}, "Nothing is different.")]
    : [table(answer.differences), ...answer.statistics.map((text) => say("p", "naga-muted", text))];
  place.replaceChildren(h("section", { class: "naga-compared", "aria-label": "Comparison" }, h("h3", {}, "Compare"), bar, ...sides, ...body));
}

function table(differences: Difference[]): HTMLElement {
  const head = h("tr", {}, ...["", "name", "first", "second"].map((text) => h("th", { scope: "col" }, text)));
  const rows = differences.map((difference) =>
    h(
      "tr",
      {},
      say("td", "naga-muted", difference.section),
      say("td", "", difference.name),
      h("td", {}, side(difference, "first")),
      h("td", {}, side(difference, "second"), ...details(difference)),
    ),
  );
  return h("table", { class: "naga-table", "aria-label": "Differences" }, h("thead", {}, head), h("tbody", {}, ...rows));
}

function side(difference: Difference, which: "first" | "second"): HTMLElement {
  if (difference.only_in && difference.only_in !== which) {
    return h("span", { class: "naga-muted" }, "–");
  }
  const value = difference[which];
  const digest = typeof value === "string" && /^[a-z0-9_]+:[0-9a-f]{16,}$/.test(value);
  return digest ? h("code", { title: visible(value) }, short(value as string)) : say("code", "naga-value", plain(value));
}

function details(difference: Difference): HTMLElement[] {
  const files = difference.files.slice(0, 20).map((file) => say("div", "naga-muted", file));
  return difference.detail ? [say("div", "naga-muted", difference.detail), ...files] : files;
}
