/** Everything about one run, below the list. */

import { copy, request } from "./actions";
import { artifacts } from "./artifacts";
import { badge, keyOf, nameOf } from "./badge";
import type { Context } from "./context";
import { button, h, say } from "./dom";
import * as sections from "./sections";
import type { Run } from "./shapes";
import { age, seconds, short, visible } from "./text";
import { verify } from "./verify";
import { why } from "./why";

/** Return the element where the check of a run tells what it finds; it outlives what is shown around it. */
export function checkedPlace(): HTMLElement {
  return h("div", { "aria-live": "polite" });
}

/** Return the elements that show a run, with the place of its check among them. */
export function details(context: Context, run: Run, checked: HTMLElement): HTMLElement {
  const parts = [
    why(context, run),
    sections.configuration(run),
    sections.data(context, "Data", run.data),
    sections.code(run),
    sections.prevs(context, run.prevs),
    sections.tracked(context, run),
    artifacts(context, run),
    sections.data(context, "Outputs", run.outputs),
    sections.successors(context, run),
    undeclared(run),
    sections.environment(run),
    sections.caller(run),
  ];
  return h("article", { "aria-label": `Run ${nameOf(run)}` }, head(run), actions(context, run, checked), checked, ...parts);
}

function head(run: Run): HTMLElement {
  const when = run.started ? h("span", { class: "naga-when", "data-time": run.started }, ` · ${age(run.started)} ago`) : null;
  const lasted = run.duration === null ? null : ` · took ${seconds(run.duration)}`;
  const exact = [run.id, run.started].filter(Boolean).join(" ");
  return h(
    "header",
    { class: "naga-head" },
    h("h2", {}, badge(run), " ", nameOf(run)),
    h("p", { class: "naga-muted" }, visible(run.path ?? "only in receipts of later runs")),
    h("p", { class: "naga-muted", title: visible(exact) }, short(run.id?.replaceAll("-", "")), when, lasted),
  );
}

/** Tell anew how long ago the run was that is shown. */
export function tellTime(place: HTMLElement): void {
  place.querySelectorAll<HTMLElement>(".naga-when").forEach((when) => (when.textContent = ` · ${age(when.dataset.time ?? null)} ago`));
}

function undeclared(run: Run): HTMLElement | null {
  const list = run.undeclared.map((path) => say("li", "", path));
  return sections.section("Read without being declared", true, list.length ? h("ul", { class: "naga-plain" }, ...list) : null);
}

function actions(context: Context, run: Run, checked: HTMLElement): HTMLElement {
  const key = keyOf(run);
  const root = context.root();
  const copied = (what: string): void => context.announce(`copied the ${what}`);
  const { path, folder } = run;
  const open = context.hosted && path !== null && (() => request(context.element, { action: "open", path, root }));
  const reveal = context.hosted && folder !== null && (() => request(context.element, { action: "reveal", path: folder, root }));
  const insert = context.hosted && run.magic !== null && (() => inserted(context, run));
  return h(
    "div",
    { class: "naga-actions", role: "toolbar", "aria-label": "Actions" },
    run.id !== null && button("Verify now", () => void verify(context, run, checked)),
    run.id !== null && button("Graph", () => context.showGraph(key, nameOf(run))),
    run.id !== null && button("Compare", () => context.compare(key), { title: "Compare with another run: press it on both" }),
    open && button("Open receipt", open),
    reveal && button("Open folder", reveal),
    insert && button("Insert cell", insert, { title: "Insert a cell that repeats this run" }),
    copies(context, run, copied),
  );
}

function inserted(context: Context, { magic, magic_here, cwd }: Run): void {
  // The kernel of that notebook may not know the magic yet; loading it twice changes nothing.
  const [text, here] = [magic, magic_here].map((line) => `%load_ext naga\n${line}`) as [string, string];
  const done = request(context.element, { action: "insert", text, here, path: cwd, root: context.root() });
  context.announce(done ? "inserted a cell that repeats this run" : "Open a notebook first: there is none to insert the cell into.");
}

function copies(context: Context, run: Run, done: (what: string) => void): HTMLElement {
  const commit = run.code.find((entry) => entry.snapshot ?? entry.commit);
  const choices: [string, string | null | undefined][] = [
    ["path", run.path],
    ["id", run.id],
    ["commit", commit?.snapshot ?? commit?.commit],
    ["digest", run.recipe],
    ["snippet", run.snippet],
    ["magic", run.magic],
  ];
  const known = choices.filter((choice): choice is [string, string] => Boolean(choice[1]));
  const menu = h(
    "select",
    { class: "naga-button", "aria-label": "Copy" },
    h("option", { value: "" }, "Copy …"),
    ...known.map(([name]) => h("option", { value: name }, name)),
  );
  menu.addEventListener("change", () => {
    const found = known.find(([name]) => name === menu.value);
    menu.value = "";
    if (found) {
      void copy(found[1], context.element).then(() => done(found[0]));
    }
  });
  return menu;
}
