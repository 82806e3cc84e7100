/** The graph around one run: what led to it, and what was made from it; to be moved, zoomed and saved. */

import { save } from "./actions";
import { keyOf, nameOf, tone } from "./badge";
import type { Context } from "./context";
import { button, h, say, svg } from "./dom";
import { layout, NODE_HEIGHT, NODE_WIDTH, type Placed } from "./layout";
import type { Graph } from "./shapes";
import { visible } from "./text";

/** What is kept when the graph of a run is drawn anew: the groups that are unfolded, and the part that is seen. */
export interface Sight {
  run: string;
  unfolded: Set<string>;
  box: Box | null;
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const COLOURS = ["--naga-good", "--naga-warn", "--naga-bad", "--naga-busy", "--naga-muted", "--naga-ink", "--naga-paper", "--naga-line"];

export async function drawGraph(context: Context, sight: Sight, place: HTMLElement, close: (() => void) | null): Promise<void> {
  if (!place.querySelector(".naga-graph")) {
    place.replaceChildren(say("p", "naga-muted", "drawing …"));
  }
  const graph = await context.client.ask<Graph>("graph", { run: sight.run, unfold: [...sight.unfolded].join(" ") });
  const placed = layout(graph.nodes, graph.edges);
  const drawing = svg("svg", { class: "naga-graph", role: "group", "aria-label": "Graph of runs", tabindex: 0 });
  const again = (): void => {
    sight.box = null;
    drawGraph(context, sight, place, close).catch((error: Error) => context.announce(error.message));
  };
  const unfold = (key: string): void => {
    sight.unfolded.add(key);
    again();
  };
  const fold = (): void => {
    sight.unfolded.clear();
    again();
  };
  drawing.append(...edges(placed), ...nodes(context, graph, placed, unfold));
  const window = new Window(drawing, placed, sight);
  const hidden = graph.hidden ? say("span", "naga-muted", `${graph.hidden} more are not shown`) : null;
  const bar = h(
    "div",
    { class: "naga-actions", role: "toolbar", "aria-label": "Graph" },
    button("+", () => window.zoom(0.8), { "aria-label": "Zoom in" }),
    button("−", () => window.zoom(1.25), { "aria-label": "Zoom out" }),
    button("Fit", () => window.fit()),
    sight.unfolded.size > 0 && button("Fold", fold, { title: "Draw runs that are alike as one again" }),
    button("Save SVG", () => save("lineage.svg", "image/svg+xml", standalone(drawing, placed))),
    close && button("Close", close),
    hidden,
  );
  place.replaceChildren(h("section", { class: "naga-drawn", "aria-label": "Graph" }, bar, drawing));
}

function edges(placed: Placed): SVGElement[] {
  return placed.edges.map(({ points }) => {
    const middle = NODE_HEIGHT / 2;
    const path = points.slice(1).map((point, index) => {
      const from = points[index]!;
      const forth = point.x > from.x;
      const [x1, x2] = forth ? [from.x + NODE_WIDTH, point.x] : [from.x, point.x + NODE_WIDTH];
      const bend = (x1 + x2) / 2;
      // Past its first point a long edge goes straight through the column that it crosses.
      const start = index === 0 ? "M" : "L";
      return `${start}${x1} ${from.y + middle} C${bend} ${from.y + middle} ${bend} ${point.y + middle} ${x2} ${point.y + middle}`;
    });
    return svg("path", { d: path.join(" "), fill: "none", stroke: "var(--naga-muted)", "stroke-width": 1.2 });
  });
}

function nodes(context: Context, graph: Graph, placed: Placed, unfold: (key: string) => void): SVGElement[] {
  return graph.nodes.map((node) => {
    const { x, y } = placed.nodes.get(node.key) ?? { x: 0, y: 0 };
    const colour = `var(--naga-${tone(node.row) === "none" ? "muted" : tone(node.row)})`;
    const many = node.count > 1 ? ` ×${node.count}` : "";
    const word = `${node.row.badge.glyph} ${node.row.badge.word}${many}`;
    const choose = (): void => (many ? unfold(node.key) : context.select(keyOf(node.row)));
    const press = (event: KeyboardEvent): void => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose();
      }
    };
    return svg(
      "g",
      {
        class: `naga-node${node.key === graph.focus ? " naga-focus" : ""}`,
        transform: `translate(${x} ${y})`,
        role: "button",
        tabindex: 0,
        "aria-label": `${nameOf(node.row)}${many}, ${visible(node.row.badge.word)}${many ? ", unfold" : ""}`,
        "data-key": keyOf(node.row),
        click: choose,
        keydown: press,
      },
      svg("title", {}, many ? `${node.count} runs that are alike: click to unfold` : visible(keyOf(node.row))),
      many ? box(4, 4, colour, 1) : null,
      box(0, 0, colour, node.key === graph.focus ? 3 : 1.2),
      svg("text", { x: 10, y: 17, fill: "var(--naga-ink)", "font-size": 13, "font-weight": 600 }, cutTo(nameOf(node.row), 19)),
      svg("text", { x: 10, y: 33, fill: colour, "font-size": 11 }, cutTo(visible(word), 24)),
    );
  });
}

function box(x: number, y: number, stroke: string, width: number): SVGElement {
  const size = { width: NODE_WIDTH, height: NODE_HEIGHT, rx: 5 };
  return svg("rect", { x, y, ...size, fill: "var(--naga-paper)", stroke, "stroke-width": width });
}

function cutTo(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** The part of the drawing that is seen. */
class Window {
  private x = 0;
  private y = 0;
  private width = 1;
  private height = 1;

  constructor(
    private readonly drawing: SVGElement,
    private readonly placed: Placed,
    private readonly sight: Sight,
  ) {
    if (sight.box) {
      Object.assign(this, sight.box);
      this.apply();
    } else {
      this.fit();
    }
    drawing.addEventListener("wheel", this.wheel, { passive: false });
    drawing.addEventListener("pointerdown", this.drag);
    drawing.addEventListener("keydown", this.key);
  }

  fit(): void {
    // A small graph is not blown up to fill the place.
    this.width = Math.max(this.placed.width, 420);
    this.height = Math.max(this.placed.height, 200);
    this.x = (this.placed.width - this.width) / 2;
    this.y = (this.placed.height - this.height) / 2;
    this.apply();
  }

  zoom(factor: number, at = { x: this.x + this.width / 2, y: this.y + this.height / 2 }): void {
    this.x = at.x - (at.x - this.x) * factor;
    this.y = at.y - (at.y - this.y) * factor;
    this.width *= factor;
    this.height *= factor;
    this.apply();
  }

  private scale(): number {
    const { clientWidth, clientHeight } = this.drawing;
    return Math.max(this.width / Math.max(1, clientWidth), this.height / Math.max(1, clientHeight));
  }

  private readonly wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const area = this.drawing.getBoundingClientRect();
    const scale = this.scale();
    const x = this.x + this.width / 2 + (event.clientX - area.left - area.width / 2) * scale;
    const y = this.y + this.height / 2 + (event.clientY - area.top - area.height / 2) * scale;
    this.zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, { x, y });
  };

  private readonly drag = (event: PointerEvent): void => {
    if ((event.target as Element).closest(".naga-node")) {
      return;
    }
    const move = (next: PointerEvent): void => {
      const scale = this.scale();
      this.pan(-next.movementX * scale, -next.movementY * scale);
    };
    const end = (): void => {
      this.drawing.removeEventListener("pointermove", move);
      this.drawing.removeEventListener("pointerup", end);
      this.drawing.removeEventListener("pointercancel", end);
    };
    this.drawing.setPointerCapture(event.pointerId);
    this.drawing.addEventListener("pointermove", move);
    this.drawing.addEventListener("pointerup", end);
    this.drawing.addEventListener("pointercancel", end);
  };

  private readonly key = (event: KeyboardEvent): void => {
    const step = this.width / 10;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.pan(-step, 0),
      ArrowRight: () => this.pan(step, 0),
      ArrowUp: () => this.pan(0, -step),
      ArrowDown: () => this.pan(0, step),
      "+": () => this.zoom(0.8),
      "-": () => this.zoom(1.25),
      "0": () => this.fit(),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  };

  private pan(x: number, y: number): void {
    this.x += x;
    this.y += y;
    this.apply();
  }

  private apply(): void {
    this.sight.box = { x: this.x, y: this.y, width: this.width, height: this.height };
    this.drawing.setAttribute("viewBox", `${this.x} ${this.y} ${this.width} ${this.height}`);
  }
}

/** Return the drawing as a file that needs no style sheet. */
function standalone(drawing: SVGElement, placed: Placed): string {
  const twin = drawing.cloneNode(true) as SVGElement;
  const style = getComputedStyle(drawing);
  twin.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  twin.setAttribute("viewBox", `0 0 ${placed.width} ${placed.height}`);
  twin.setAttribute("width", String(placed.width));
  twin.setAttribute("height", String(placed.height));
  twin.setAttribute("font-family", "sans-serif");
  const colours = COLOURS.map((name) => `${name}:${style.getPropertyValue(name).trim()}`).join(";");
  twin.setAttribute("style", `${colours};background:${style.getPropertyValue("--naga-paper")}`);
  return new XMLSerializer().serializeToString(twin);
}
