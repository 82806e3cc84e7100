/** The view of runs and their receipts. It knows its model and its element, and nothing of the page around. */

import { request } from "./actions";
import { Client, type Model } from "./client";
import { compare } from "./compare";
import type { Context } from "./context";
import { checkedPlace, details, tellTime } from "./details";
import { h, say } from "./dom";
import { drawGraph, type Sight } from "./drawing";
import { List } from "./list";
import { type Direction, type Mode, Rows } from "./rows";
import type { Run } from "./shapes";
import { Toolbar } from "./toolbar";
import css from "./view.css";

/** Show the runs of a model in an element, and return how to end that; anywidget's contract. */
function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const view = new View(model, el);
  return () => view.close();
}

export default { render };

class View implements Context {
  readonly client: Client;
  readonly element: HTMLElement;
  private readonly rows: Rows;
  private readonly list: List;
  private readonly toolbar: Toolbar;
  private readonly news = h("div", { class: "naga-news", role: "status", "aria-live": "polite" });
  private readonly below = h("div", { class: "naga-details", tabindex: 0, role: "region", "aria-label": "Details" });
  private mode: Mode = "recent";
  private direction: Direction = "up";
  private marked = ""; // the first of two runs to compare
  private shown = "";
  private sight: Sight = { run: "", unfolded: new Set(), box: null };
  private filled: { key: string; text: string; element: HTMLElement; checked: HTMLElement } | null = null;
  private content: "details" | "drawing" = "details"; // below the list, as was asked for last
  private turn = 0; // of what stands below the list: a late answer of an earlier one is not shown
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
    this.clock = setInterval(() => this.tick(), 60_000);
    this.alone = el.dataset.nagaShow === "graph";
    if (this.alone) {
      this.element.classList.add("naga-alone");
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

  /** Asked anew each time: a cell's view is made before it is put into the page. */
  get hosted(): boolean {
    return request(this.element, { action: "probe" });
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
      this.turnTo("drawing");
      const close = this.alone ? null : (): void => this.show(key);
      if (this.sight.run !== key) {
        this.sight = { run: key, unfolded: new Set(), box: null };
      }
      this.attempt(drawGraph(this, this.sight, this.below, close));
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
    this.turnTo("drawing");
    this.changed();
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
    this.announce("looking for runs …");
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
    // A comparison, or a graph that is drawn here or asked for, stays what it is.
    if (this.content === "details") {
      await this.load(this.shown);
    }
  }

  private changed(): void {
    const { problem, runs, waiting, reading } = this.rows;
    this.list.update(this.shown);
    this.element.setAttribute("aria-busy", String(waiting));
    if (problem) {
      this.fail(problem);
    } else if (!this.marked) {
      this.announce(runs ? `${count(runs)}${reading ? " so far …" : ""}` : waiting ? "looking for runs …" : this.nothing());
    }
  }

  private nothing(): string {
    return this.model.get("filter") ? "No run fits the filter." : "No runs here yet: each leaves a receipt, run.lock, below this folder.";
  }

  private turnTo(content: "details" | "drawing"): void {
    this.content = content;
    this.turn += 1;
  }

  private show(key: string): void {
    this.shown = key;
    this.turnTo("details");
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
    const turn = this.turn;
    try {
      const run = await this.client.ask<Run>("run", { run: key });
      if (this.turn === turn) {
        this.fill(key, run);
      }
    } catch (error) {
      if (this.turn === turn) {
        this.below.replaceChildren(problem(error as Error));
      }
    }
  }

  /** Show a run; of one that is shown already only what has changed, so that nobody loses what they are reading. */
  private fill(key: string, run: Run): void {
    const text = JSON.stringify(run);
    const again = this.filled?.key === key && this.filled.element.isConnected;
    if (again && this.filled?.text === text) {
      return;
    }
    const checked = again && this.filled ? this.filled.checked : checkedPlace();
    const open = new Map([...this.below.querySelectorAll("details")].map((each) => [each.firstChild?.textContent, each.open]));
    const { scrollTop } = this.below;
    const element = details(this, run, checked);
    this.below.replaceChildren(element);
    if (again) {
      element.querySelectorAll("details").forEach((each) => (each.open = open.get(each.firstChild?.textContent) ?? each.open));
      this.below.scrollTop = scrollTop;
    } else {
      this.below.scrollTop = 0;
    }
    this.filled = { key, text, element, checked };
  }

  private tick(): void {
    this.list.update(this.shown);
    tellTime(this.below);
  }

  private attempt(work: Promise<void>): void {
    work.catch((error: Error) => this.below.replaceChildren(problem(error)));
  }

  private fail(error: Error): void {
    const hint = "hint" in error && error.hint ? ` (${String(error.hint)})` : "";
    this.news.replaceChildren(say("span", "naga-problem", `${error.message}${hint}`));
  }
}

function count(runs: number): string {
  return runs === 1 ? "1 run" : `${runs.toLocaleString("en")} runs`;
}

function problem(error: Error): HTMLElement {
  const hint = "hint" in error && error.hint ? say("p", "naga-muted", error.hint) : null;
  return h("div", {}, say("p", "naga-problem", error.message), hint);
}
