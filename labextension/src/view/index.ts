/** The view of runs and their receipts. It knows its model and its element, and nothing of the page around. */

import { request } from "./actions";
import { Client, type Model } from "./client";
import { compare } from "./compare";
import type { Context } from "./context";
import { details } from "./details";
import { h, say } from "./dom";
import { drawGraph } from "./drawing";
import { List } from "./list";
import { type Direction, type Mode, Rows } from "./rows";
import type { Run } from "./shapes";
import { Toolbar } from "./toolbar";
import css from "./view.css";

/** Show the runs of a model in an element, and return how to end that; anywidget's contract. */
export function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const view = new View(model, el);
  return () => view.close();
}

export default { render };

class View implements Context {
  readonly client: Client;
  readonly element: HTMLElement;
  readonly hosted: boolean;
  private readonly rows: Rows;
  private readonly list: List;
  private readonly toolbar: Toolbar;
  private readonly news = h("div", { class: "naga-news", role: "status", "aria-live": "polite" });
  private readonly below = h("div", { class: "naga-details", tabindex: 0, role: "region", "aria-label": "Details" });
  private mode: Mode = "recent";
  private direction: Direction = "up";
  private marked = ""; // the first of two runs to compare
  private shown = "";
  private readonly alone: boolean; // the graph without the list
  private readonly clock: ReturnType<typeof setInterval>;

  constructor(
    private readonly model: Model,
    el: HTMLElement,
  ) {
    this.client = new Client(model);
    this.element = h("div", { class: "naga-view", "data-lm-suppress-shortcuts": "true" });
    el.append(h("style", {}, css), this.element);
    const height = Number(model.get("height"));
    if (height > 0) {
      this.element.style.height = `${height}px`;
    }
    this.hosted = request(this.element, { action: "probe" });
    this.rows = new Rows(this.client, () => this.changed());
    this.list = new List(this.rows, (item) => this.select(item.key));
    this.toolbar = new Toolbar(this.client, {
      filter: (text) => this.set("filter", text),
      mode: (mode, direction) => this.setMode(mode, direction),
      root: (root) => this.set("root", root),
      refresh: () => void this.refresh(),
      leave: () => this.list.focus(),
    });
    for (const name of ["selected", "filter", "root", "version"]) {
      model.on(`change:${name}`, this.follow[name]!);
    }
    this.clock = setInterval(() => this.list.update(this.shown), 60_000);
    this.alone = el.dataset.nagaShow === "graph";
    if (this.alone) {
      this.element.append(this.news, this.below);
      this.show(String(model.get("selected") ?? ""));
    } else {
      this.element.append(this.toolbar.element, this.news, h("div", { class: "naga-body" }, this.list.element, this.below));
      this.begin();
    }
  }

  close(): void {
    clearInterval(this.clock);
    for (const [name, handler] of Object.entries(this.follow)) {
      this.model.off(`change:${name}`, handler);
    }
    this.client.close();
    this.element.remove();
  }

  root(): string {
    return String(this.model.get("root") ?? "");
  }

  select(key: string): void {
    if (this.alone && request(this.element, { action: "show", run: key, root: this.root() })) {
      return;
    }
    this.set("selected", key);
    this.list.reveal(key);
  }

  announce(text: string): void {
    this.news.textContent = text;
  }

  showGraph(key: string, title: string): void {
    const inTab = title && request(this.element, { action: "graph", run: key, title, root: this.root() });
    if (!inTab) {
      const close = this.alone ? null : (): void => this.show(key);
      this.attempt(drawGraph(this, key, this.below, close));
    }
  }

  compare(key: string): void {
    if (!this.marked || this.marked === key) {
      this.marked = key;
      this.announce("Select the other run and press Compare there.");
      return;
    }
    const first = this.marked;
    this.marked = "";
    this.announce("");
    this.attempt(compare(this, first, key, this.below, () => this.show(key)));
  }

  private readonly follow: Record<string, () => void> = {
    selected: () => this.show(String(this.model.get("selected") ?? "")),
    filter: () => (this.alone ? undefined : void this.restart()),
    root: () => (this.alone ? undefined : this.begin()),
    version: () => void this.refresh(),
  };

  private begin(): void {
    this.toolbar.update(this.root(), String(this.model.get("filter") ?? ""));
    void this.restart();
    this.show(String(this.model.get("selected") ?? ""));
  }

  private set(name: string, value: string): void {
    if (this.model.get(name) === value) {
      this.follow[name]?.();
      return;
    }
    this.model.set(name, value);
    this.model.save_changes();
  }

  private setMode(mode: Mode, direction: Direction): void {
    this.mode = mode;
    this.direction = direction;
    void this.restart();
  }

  private async restart(): Promise<void> {
    this.list.top();
    await this.rows.restart({ filter: String(this.model.get("filter") ?? ""), mode: this.mode, direction: this.direction });
  }

  private async refresh(): Promise<void> {
    if (this.alone) {
      this.showGraph(this.shown, "");
      return;
    }
    this.toolbar.refresh();
    await this.rows.refresh();
    const { scrollTop } = this.below;
    await this.load(this.shown);
    this.below.scrollTop = scrollTop;
  }

  private changed(): void {
    const { problem, runs, waiting } = this.rows;
    this.list.update(this.shown);
    this.element.setAttribute("aria-busy", String(waiting));
    if (problem) {
      this.fail(problem);
    } else {
      this.announce(runs === 1 ? "1 run" : `${runs.toLocaleString("en")} runs`);
    }
  }

  private show(key: string): void {
    this.shown = key;
    if (this.alone) {
      this.showGraph(key, "");
      return;
    }
    this.list.update(key);
    void this.load(key);
  }

  private async load(key: string): Promise<void> {
    if (!key) {
      this.below.replaceChildren();
      return;
    }
    try {
      const run = await this.client.ask<Run>("run", { run: key });
      if (this.shown === key) {
        this.below.replaceChildren(details(this, run));
      }
    } catch (error) {
      if (this.shown === key) {
        this.below.replaceChildren(problem(error as Error));
      }
    }
  }

  private attempt(work: Promise<void>): void {
    work.catch((error: Error) => this.below.replaceChildren(problem(error)));
  }

  private fail(error: Error): void {
    const hint = "hint" in error && error.hint ? ` (${String(error.hint)})` : "";
    this.news.replaceChildren(say("span", "naga-problem", `${error.message}${hint}`));
  }
}

function problem(error: Error): HTMLElement {
  const hint = "hint" in error && error.hint ? say("p", "naga-muted", error.hint) : null;
  return h("div", {}, say("p", "naga-problem", error.message), hint);
}
