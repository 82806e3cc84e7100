/** The lines above the list: the root, whether changes are seen at once, the filter, and how the list is laid out. */

import type { Client } from "./client";
import { button, h } from "./dom";
import type { Direction, Mode } from "./rows";
import type { Status } from "./shapes";
import { visible } from "./text";

export interface Wishes {
  filter(text: string): void;
  mode(mode: Mode, direction: Direction): void;
  root(root: string): void;
  refresh(): void;
  leave(): void;
}

// Typing is over when nothing was typed for so many milliseconds.
const TYPING = 100;

const CHOICES: [string, Mode, Direction, string][] = [
  ["Recent", "recent", "up", "The newest runs first"],
  ["Stages", "stages", "up", "The runs of each stage"],
  ["Tree ↑", "tree", "up", "Unfold a run to the stages before it"],
  ["Tree ↓", "tree", "down", "Unfold a run to the stages after it"],
];

export class Toolbar {
  readonly element: HTMLElement;
  private readonly root = h("select", { class: "naga-root", "aria-label": "Folder of runs" });
  private readonly only = h("span", { class: "naga-only", hidden: true });
  private readonly live = h("span", { class: "naga-live" });
  private readonly filter: HTMLInputElement;
  private readonly modes: HTMLButtonElement[];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;
  private wished = "";

  constructor(
    private readonly client: Client,
    private readonly wishes: Wishes,
  ) {
    this.filter = h("input", {
      type: "search",
      "aria-label": "Filter",
      placeholder: "stage:train status:stale lr>0.01",
      spellcheck: "false",
      input: () => this.typed(),
      keydown: (event: KeyboardEvent) => this.key(event),
    });
    this.modes = CHOICES.map(([text, mode, direction, title], index) =>
      button(text, () => this.choose(index, mode, direction), { role: "radio", "aria-checked": String(index === 0), title }),
    );
    this.root.addEventListener("change", () => wishes.root(this.root.value));
    const modes = h("div", { class: "naga-bar", role: "radiogroup", "aria-label": "Order" }, ...this.modes);
    modes.addEventListener("keydown", (event) => this.moveMode(event));
    this.tabStops(0);
    const refresh = button("↻", () => wishes.refresh(), { "aria-label": "Refresh", title: "Refresh" });
    this.element = h("div", { class: "naga-toolbar" }, h("div", { class: "naga-bar" }, this.root, this.only, this.live, refresh), h("div", { class: "naga-bar" }, this.filter), modes);
  }

  /** Show another root or filter than before. */
  update(root: string, filter: string): void {
    this.filter.value = this.wished = filter;
    this.root.replaceChildren(h("option", { value: root }, visible(root || ".")));
    this.refresh();
    void this.offer(root);
  }

  /** Ask how changes are noticed now. */
  refresh(): void {
    const asked = ++this.asked;
    this.client
      .ask<Status>("status", {})
      .then((status) => asked === this.asked && this.show(status))
      .catch((error: Error) => {
        this.live.className = "naga-live";
        this.live.textContent = "no answer";
        this.live.title = visible(error.message);
      });
  }

  private show({ live, root }: Status): void {
    const texts = { watching: "live", polling: `every ${live.interval ?? "?"} s`, none: "not watched" };
    this.live.className = `naga-live naga-live-${live.mode === "watching" || live.mode === "polling" ? live.mode : "none"}`;
    this.live.textContent = texts[live.mode] ?? "";
    this.live.title = visible(live.problem ?? "how changes are noticed");
    if (live.mode === "polling") {
      // Watching may yet begin, or be possible again.
      clearTimeout(this.again);
      this.again = setTimeout(() => this.element.isConnected && this.refresh(), (live.interval ?? 5) * 1000);
    }
    this.only.textContent = visible(root.name || ".");
  }

  private async offer(root: string): Promise<void> {
    try {
      const { roots } = await this.client.ask<{ roots: { root: string; name: string; total: number | null }[] }>("roots", {});
      if (!roots.some((one) => one.root === root)) {
        roots.unshift({ root, name: root, total: null });
      }
      const options = roots.map((one) => {
        const count = one.total === null ? null : `${one.total} runs`;
        return h("option", { value: one.root, title: count }, visible(one.root || one.name || "."));
      });
      this.root.replaceChildren(...options);
      this.root.value = root;
      // Where there is nothing to choose, the name alone is shown.
      this.root.hidden = options.length < 2;
      this.only.hidden = !this.root.hidden;
    } catch {
      this.root.disabled = true;
    }
  }

  private typed(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wish(), TYPING);
  }

  /** Asked twice for the same, the second answer would fold what was unfolded meanwhile. */
  private wish(): void {
    clearTimeout(this.timer);
    const text = this.filter.value.trim();
    if (text !== this.wished) {
      this.wished = text;
      this.wishes.filter(text);
    }
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      if (event.key === "Enter") {
        this.wish();
      }
      this.wishes.leave();
    }
  }

  private choose(index: number, mode: Mode, direction: Direction): void {
    this.modes.forEach((one, place) => one.setAttribute("aria-checked", String(place === index)));
    this.tabStops(index);
    this.wishes.mode(mode, direction);
  }

  private tabStops(index: number): void {
    this.modes.forEach((one, place) => (one.tabIndex = place === index ? 0 : -1));
  }

  private moveMode(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const now = this.modes.indexOf(event.target as HTMLButtonElement);
      const next = this.modes[(now + step + this.modes.length) % this.modes.length];
      next?.focus();
      next?.click();
    }
  }
}
