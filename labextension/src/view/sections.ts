/** The sections below a run: what its receipt says, and what is true now. */

import { request } from "./actions";
import { keyOf, nameOf } from "./badge";
import type { Context } from "./context";
import { button, h, say } from "./dom";
import type { Code, Data, Prev, Run, Tracked } from "./shapes";
import { bytes, number, plain, safeLink, short, visible } from "./text";

/** Make a section that can be folded; without content there is none. */
export function section(title: string, open: boolean, ...content: (Node | null | false)[]): HTMLElement | null {
  const parts = content.filter((part): part is Node => Boolean(part));
  if (!parts.length) {
    return null;
  }
  return h("details", { class: "naga-section", open }, h("summary", {}, title), ...parts);
}

function table(label: string, heads: string[], rows: (Node | string)[][]): HTMLElement | null {
  if (!rows.length) {
    return null;
  }
  const head = h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)));
  const body = rows.map((cells) => h("tr", {}, ...cells.map((cell) => h("td", {}, cell))));
  return h("table", { class: "naga-table", "aria-label": label }, h("thead", {}, head), h("tbody", {}, ...body));
}

/** Make a link to a run. */
export function runLink(context: Context, row: { stage?: string | null; path?: string | null; id?: string | null }): HTMLElement {
  const key = keyOf(row);
  return button(nameOf(row), () => context.select(key), { class: "naga-link", title: visible(row.path ?? row.id ?? "") });
}

export function configuration(run: Run): HTMLElement | null {
  const rows: (Node | string)[][] = [];
  const walk = (prefix: string, value: unknown): void => {
    if (value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length) {
      Object.entries(value).forEach(([name, inner]) => walk(prefix ? `${prefix}.${name}` : name, inner));
    } else {
      rows.push([visible(prefix), say("code", "naga-value", plain(value))]);
    }
  };
  Object.entries(run.configuration ?? {}).forEach(([name, value]) => walk(name, value));
  return section("Config", true, table("Config", ["key", "value"], rows));
}

const NOW: Record<string, string> = { intact: "✓ intact", modified: "≠ modified", missing: "✗ missing" };

function state(data: Data): HTMLElement {
  const tone = data.now?.state === "intact" ? "good" : data.now ? "bad" : "none";
  const text = data.now ? (NOW[data.now.state] ?? visible(data.now.state)) : "";
  return h("span", { class: `naga-badge naga-${tone}`, title: visible(data.now?.problem ?? "") }, text);
}

function place(context: Context, data: Data): HTMLElement {
  const served = data.served;
  if (context.hosted && served !== null) {
    const act = data.kind === "tree" ? "reveal" : "open";
    const open = (): void => void request(context.element, { action: act, path: served, root: context.root() });
    return button(visible(data.path), open, { class: "naga-link" });
  }
  return say("span", "naga-path", data.path);
}

export function data(context: Context, title: string, entries: Data[]): HTMLElement | null {
  const rows = entries.map((entry) => [
    h("span", {}, h("b", {}, visible(entry.name)), " ", state(entry), h("div", {}, place(context, entry))),
    h(
      "span",
      { class: "naga-size" },
      h("code", { title: visible(entry.digest ?? "") }, short(entry.digest)),
      say("div", "naga-muted", entry.files === null ? bytes(entry.size) : `${bytes(entry.size)}, ${entry.files} files`),
    ),
  ]);
  return section(title, true, table(title, ["name, path", "digest, size"], rows));
}

function commitOf(code: Code): HTMLElement {
  const mark = code.dirty ? h("span", { class: "naga-badge naga-warn" }, "✎ dirty") : null;
  const where = [code.branch ? `on ${code.branch}` : "", code.snapshot && code.dirty ? `snapshot ${short(code.snapshot)}` : ""];
  return h(
    "span",
    {},
    h("code", { title: visible(code.commit ?? "") }, short(code.commit) || "no commit"),
    " ",
    mark,
    visible(` ${where.filter(Boolean).join(", ")}`),
    code.problem ? say("span", "naga-problem", ` ${code.problem}`) : null,
  );
}

export function code(run: Run): HTMLElement | null {
  const parts = run.code.flatMap((entry) => {
    const changed = entry.files.filter((file) => file.changed).map((file) => `≠ ${visible(file.path)}`);
    const files = changed.length ? changed : [];
    const rest = entry.files_total ? `${entry.files_total} files used${changed.length ? "" : ", none changed since"}` : "";
    return [
      h("p", {}, h("b", {}, visible(entry.name)), " ", commitOf(entry)),
      files.length ? h("p", { class: "naga-problem" }, files.join("  ")) : null,
      rest ? h("p", { class: "naga-muted" }, rest) : null,
      entry.excluded.length ? say("p", "naga-muted", `not in the snapshot: ${entry.excluded.join(", ")}`) : null,
    ];
  });
  return section("Code", true, ...parts);
}

export function prevs(context: Context, entries: Prev[]): HTMLElement | null {
  const rows = entries.map((prev) => {
    const now = prev.now;
    const then = runLink(context, { stage: prev.then.stage ?? prev.name, path: null, id: prev.then.id });
    const today = now
      ? h("span", {}, runLink(context, { stage: now.stage, path: now.path, id: now.id }), ` ${visible(now.state ?? now.status)}`)
      : "nothing on disk";
    const before = h("span", {}, then, ` ${short(prev.then.digest)}`);
    const change = h("span", { class: `naga-badge naga-${prev.change === "same" ? "good" : "warn"}` }, visible(prev.text || prev.change));
    return [visible(prev.name), before, today, change];
  });
  return section("Stages before: then and now", true, table("Stages before", ["name", "then", "now", ""], rows));
}

export function successors(context: Context, run: Run): HTMLElement | null {
  const list = run.successors.map((row) => h("li", {}, runLink(context, row), ` ${visible(row.path ?? "")}`));
  return section("Stages after", false, list.length ? h("ul", { class: "naga-plain" }, ...list) : null);
}

export function environment(run: Run): HTMLElement | null {
  const rows = Object.entries(run.environment ?? {})
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [visible(name), say("code", "naga-value", plain(value))]);
  return section("Environment", false, table("Environment", ["what", "value"], rows));
}

export function caller(run: Run): HTMLElement | null {
  const from = run.caller;
  if (!from) {
    return null;
  }
  const rows = Object.entries({ ...from, argv: from.argv?.length ? from.argv.join(" ") : null })
    .filter(([, value]) => value)
    .map(([name, value]) => [visible(name), say("code", "naga-value", plain(value))]);
  return section("Called", false, table("Called", ["what", "value"], rows));
}

/** Ask for the MLflow runs of a run, and put them where they belong when they come. */
export function tracked(context: Context, run: Run): HTMLElement {
  const place = h("div", {});
  context.client
    .ask<Tracked>("mlflow", { run: keyOf(run) })
    .then((answer) => place.replaceChildren(...mlflow(answer)))
    .catch((error: Error) => place.replaceChildren(say("p", "naga-problem", `MLflow: ${error.message}`)));
  return place;
}

function mlflow(answer: Tracked): Node[] {
  const rows = answer.runs.map((run) => {
    const link = safeLink(run.url);
    const name = link
      ? h("a", { href: link, target: "_blank", rel: "noopener noreferrer", class: "naga-link" }, visible(run.name || run.id))
      : say("span", "", run.name || run.id);
    const metrics = Object.entries(run.metrics).map(([metric, value]) => `${visible(metric)} ${number(value)}`);
    const tone = run.active ? "good" : "none";
    return [name, h("span", { class: `naga-badge naga-${tone}` }, run.active ? "✓ active" : "superseded"), metrics.join("  ")];
  });
  const hint = answer.available || !answer.hint || !rows.length ? null : say("p", "naga-muted", answer.hint);
  const shown = section("MLflow", true, table("MLflow", ["run", "", "metrics"], rows), hint);
  return shown ? [shown] : [];
}
