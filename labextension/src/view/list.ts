/** A list of any length of which only what is seen exists, with the keys and roles of a tree. */

import { badge } from "./badge";
import { h } from "./dom";
import { type Item, levelOf, type RunItem } from "./items";
import { PAGE, type Rows } from "./rows";
import { age, number, visible } from "./text";

export const ROW_HEIGHT = 44;
const MARGIN = 6; // rows above and below what is seen

export class List {
  readonly element: HTMLElement;
  active = 0;
  private readonly sizer: HTMLElement;
  private readonly drawn = new Map<number, HTMLElement>();
  private selected = "";
  private frame = 0;

  constructor(
    private readonly rows: Rows,
    private readonly choose: (item: RunItem) => void,
  ) {
    this.sizer = h("div", { class: "naga-sizer", role: "none" });
    this.element = h(
      "div",
      { class: "naga-list", role: "tree", "aria-label": "Runs", keydown: this.key, click: this.click, focusin: this.focused },
      this.sizer,
    );
    this.element.addEventListener("scroll", () => this.schedule(), { passive: true });
    new ResizeObserver(() => this.schedule()).observe(this.element);
  }

  /** Draw everything anew, because the rows or the selection have changed. */
  update(selected: string): void {
    this.selected = selected;
    const focus = this.element.contains(document.activeElement) && document.activeElement !== this.element;
    this.drawn.forEach((element) => element.remove());
    this.drawn.clear();
    this.active = Math.max(0, Math.min(this.active, this.rows.total - 1));
    this.draw();
    if (focus) {
      this.drawn.get(this.active)?.focus({ preventScroll: true });
    }
  }

  /** Bring the keyboard to the row that is active. */
  focus(): void {
    this.go(this.active);
  }

  top(): void {
    this.active = 0;
    this.element.scrollTop = 0;
  }

  /** Bring a run into sight and make it the active one, if it is among the rows that are there. */
  reveal(key: string): void {
    const index = this.rows.indexOf(key);
    if (index >= 0) {
      this.active = index;
      this.scrollTo(index);
    }
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const { scrollTop, clientHeight } = this.element;
    const height = this.rows.total * ROW_HEIGHT;
    this.sizer.style.height = `${height}px`;
    this.element.style.setProperty("--naga-rows", `${Math.max(ROW_HEIGHT, height) + 2}px`);
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - MARGIN);
    const last = Math.min(this.rows.total, Math.ceil((scrollTop + Math.min(clientHeight, 3000)) / ROW_HEIGHT) + MARGIN);
    for (const [index, element] of this.drawn) {
      // The active row stays, so that the keyboard does not lose its place.
      if ((index < first || index >= last) && index !== this.active) {
        element.remove();
        this.drawn.delete(index);
      }
    }
    for (let index = first; index < last; index += 1) {
      this.drawOne(index);
    }
    if (this.rows.total) {
      this.drawOne(this.active);
    }
  }

  private drawOne(index: number): void {
    if (this.drawn.has(index)) {
      return;
    }
    const element = this.row(this.rows.at(index), index);
    element.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
    this.drawn.set(index, element);
    this.sizer.append(element);
  }

  private row(item: Item, index: number): HTMLElement {
    const level = levelOf(item);
    const common = { "data-index": index, role: "treeitem", "aria-level": level, tabindex: index === this.active ? 0 : -1 };
    if (item.kind === "loading") {
      return h("div", { ...common, class: "naga-row naga-loading", "aria-busy": "true" }, "…");
    }
    if (item.kind === "heading") {
      const text = `${visible(item.stage ?? "unknown")}`;
      const name = h("span", { class: "naga-stage" }, text);
      const attributes = { ...common, class: "naga-row naga-heading", "aria-expanded": String(item.expanded) };
      return h("div", attributes, twisty(item.expanded), name, h("span", { class: "naga-muted" }, ` ${item.count}`));
    }
    if (item.kind === "more") {
      const element = h("div", { ...common, class: "naga-row naga-more" }, twisty(null), `Show ${Math.min(item.left, PAGE)} of ${item.left} more`);
      element.style.paddingInlineStart = indent(level);
      return element;
    }
    const chosen = item.key === this.selected;
    const attributes = {
      ...common,
      class: `naga-row naga-run${chosen ? " naga-chosen" : ""}`,
      "aria-selected": String(chosen),
      "aria-expanded": item.expanded === null ? null : String(item.expanded),
      "aria-posinset": item.place,
      "aria-setsize": item.siblings,
      "data-key": item.key,
    };
    const element = h("div", attributes, ...runCells(item));
    element.style.paddingInlineStart = indent(level);
    return element;
  }

  private readonly click = (event: MouseEvent): void => {
    const index = indexOf(event.target);
    if (index < 0) {
      return;
    }
    this.active = index;
    const item = this.rows.at(index);
    if (item.kind === "heading" || item.kind === "more" || (event.target as Element).closest(".naga-twisty")) {
      void this.rows.toggle(index);
    } else if (item.kind === "run") {
      this.choose(item);
    }
  };

  private readonly focused = (event: FocusEvent): void => {
    const index = indexOf(event.target);
    if (index >= 0 && index !== this.active) {
      this.drawn.get(this.active)?.setAttribute("tabindex", "-1");
      this.active = index;
      this.drawn.get(index)?.setAttribute("tabindex", "0");
    }
  };

  private readonly key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 1);
    const moves: Record<string, number> = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: this.rows.total - 1,
    };
    const target = moves[event.key];
    if (target !== undefined) {
      this.go(target);
    } else if (!this.act(event.key)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  private act(key: string): boolean {
    const item = this.rows.at(this.active);
    const expanded = "expanded" in item ? item.expanded : null;
    if (key === "Enter" || key === " ") {
      if (item.kind === "run") {
        this.choose(item);
      } else {
        void this.rows.toggle(this.active);
      }
    } else if (key === "ArrowRight") {
      if (expanded === false) {
        void this.rows.toggle(this.active);
      } else if (expanded) {
        this.go(this.active + 1);
      }
    } else if (key === "ArrowLeft") {
      const parent = this.rows.parent(this.active);
      if (expanded) {
        void this.rows.toggle(this.active);
      } else if (parent >= 0) {
        this.go(parent);
      }
    } else {
      return false;
    }
    return true;
  }

  private go(index: number): void {
    const target = Math.max(0, Math.min(index, this.rows.total - 1));
    this.drawn.get(this.active)?.setAttribute("tabindex", "-1");
    this.active = target;
    this.scrollTo(target);
    this.draw();
    const element = this.drawn.get(target);
    element?.setAttribute("tabindex", "0");
    element?.focus({ preventScroll: true });
  }

  private scrollTo(index: number): void {
    const { scrollTop, clientHeight } = this.element;
    const top = index * ROW_HEIGHT;
    if (top < scrollTop) {
      this.element.scrollTop = top;
    } else if (top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.element.scrollTop = top + ROW_HEIGHT - clientHeight;
    }
  }
}

function indent(level: number): string {
  return `${8 + (level - 1) * 16}px`;
}

function indexOf(target: EventTarget | null): number {
  const row = target instanceof Element ? target.closest<HTMLElement>(".naga-row") : null;
  return row ? Number(row.dataset.index) : -1;
}

function twisty(expanded: boolean | null): HTMLElement {
  return h("span", { class: "naga-twisty", "aria-hidden": "true" }, expanded === null ? "" : expanded ? "▾" : "▸");
}

function runCells(item: RunItem): HTMLElement[] {
  const { row } = item;
  const highlights = Object.entries(row.config).map(([name, value]) => `${name}=${value}`);
  const below = row.problem ?? ([item.name, ...highlights].filter(Boolean).join("  ") || row.path || row.id || "");
  const metric = row.metric ? `${visible(row.metric.name)} ${number(row.metric.value)}` : "";
  const place = row.on_disk ? "" : " (only in receipts of later runs)";
  return [
    twisty(item.expanded),
    h(
      "span",
      { class: "naga-cells" },
      h(
        "span",
        { class: "naga-line" },
        badge(row),
        h("span", { class: "naga-stage" }, visible(row.stage ?? row.path ?? "?"), place),
        h("span", { class: "naga-age naga-muted", title: visible(row.started ?? "") }, age(row.started)),
      ),
      h(
        "span",
        { class: "naga-line naga-muted" },
        h("span", { class: "naga-below", title: visible(below) }, visible(below)),
        h("span", { class: "naga-metric" }, metric),
      ),
    ),
  ];
}
