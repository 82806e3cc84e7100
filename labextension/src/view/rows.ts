/** The rows of the list, page by page: what stands at each place, with what is unfolded under it. */

import { keyOf } from "./badge";
import type { Client } from "./client";
import { type HeadingItem, type Item, levelOf, type RunItem } from "./items";
import type { Branch, Page, Row } from "./shapes";

export type Mode = "recent" | "stages" | "tree";
export type Direction = "up" | "down";

export interface Query {
  filter: string;
  mode: Mode;
  direction: Direction;
}

interface TreeNode {
  branch: Branch;
  level: number;
  place: number;
  siblings: number;
  under: Under | null; // null: folded
}

/** What is unfolded under a run: the first pages of it. */
interface Under {
  run: string;
  level: number;
  nodes: TreeNode[];
  total: number;
}

type Block =
  | { start: number; count: 1; heading: HeadingItem }
  | { start: number; count: number; roots: number; of: number; offset: number }
  | { start: number; count: 1; node: TreeNode }
  | { start: number; count: 1; more: Under };

/** Rows that are asked for at a time. */
export const PAGE = 100;
const MOST = 500; // rows that one answer holds
// An answer that takes longer than this is asked for once more without judging, so that there is something to see.
const PATIENCE = 30;
// While receipts are being read for the first time, those that are known so far are asked for so often, in milliseconds.
const AGAIN = 100;

export class Rows {
  total = 0;
  runs = 0;
  version = "";
  problem: Error | null = null;
  waiting = false;
  reading = false; // whether there are receipts that nobody has read yet
  private pages = new Map<number, Row[]>();
  private shown = new Map<number, Row[]>(); // of the version before, until the new ones are there
  private asked = new Set<number>();
  private stages: Page["stages"] = null;
  private readonly folded = new Set<string>();
  private readonly unfolded = new Map<string, Under>();
  private readonly leaves = new Set<string>();
  private blocks: Block[] = [];
  private generation = 0;
  private query: Query = { filter: "", mode: "recent", direction: "up" };

  constructor(
    private readonly client: Client,
    private readonly changed: () => void,
  ) {}

  /** Begin anew with another question. */
  async restart(query: Query): Promise<void> {
    const turned = query.direction !== this.query.direction || query.mode !== this.query.mode;
    this.query = query;
    if (turned) {
      this.unfolded.clear();
      this.leaves.clear();
    }
    this.shown = new Map();
    await this.reload();
  }

  /** Ask again, because receipts have changed; what is shown stays until the answers come. */
  async refresh(): Promise<void> {
    this.shown = new Map([...this.shown, ...this.pages]);
    await this.reload();
    await Promise.all([...this.unfolded].map(([key, before]) => this.unfold(key, before)));
  }

  at(index: number): Item {
    const block = this.find(index);
    if (!block) {
      return { kind: "loading" };
    }
    if ("heading" in block) {
      return block.heading;
    }
    if ("node" in block) {
      return this.itemOfNode(block.node);
    }
    if ("more" in block) {
      const { level, nodes, total } = block.more;
      return { kind: "more", level, left: total - nodes.length };
    }
    const place = block.roots + index - block.start;
    const row = this.rootAt(place);
    if (!row) {
      return { kind: "loading" };
    }
    const key = keyOf(row);
    const tree = this.query.mode === "tree";
    return {
      kind: "run",
      key,
      row,
      level: this.query.mode === "stages" ? 2 : 1,
      expanded: tree && !this.leaves.has(key) ? this.unfolded.has(key) : null,
      name: null,
      place: place - block.offset + 1,
      siblings: block.of,
    };
  }

  /** Return the place of a run, if it is among those that are there. */
  indexOf(key: string): number {
    for (let index = 0; index < this.total; index += 1) {
      const block = this.find(index);
      if (block && "roots" in block && !this.pages.has(Math.floor((block.roots + index - block.start) / PAGE))) {
        index += Math.min(PAGE, block.count) - 1;
        continue;
      }
      const item = this.at(index);
      if (item.kind === "run" && item.key === key) {
        return index;
      }
    }
    return -1;
  }

  /** Return the place of the item that an item stands under, or -1. */
  parent(index: number): number {
    const level = levelOf(this.at(index));
    for (let above = index - 1; above >= 0; above -= 1) {
      if (levelOf(this.at(above)) < level) {
        return above;
      }
    }
    return -1;
  }

  /** Fold or unfold what stands at a place, or bring the next page of what is under a run. */
  async toggle(index: number): Promise<void> {
    const item = this.at(index);
    const block = this.find(index);
    if (item.kind === "heading") {
      const name = item.stage ?? "";
      if (!this.folded.delete(name)) {
        this.folded.add(name);
      }
    } else if (block && "more" in block) {
      await this.extend(block.more);
    } else if (item.kind === "run" && item.expanded !== null) {
      if (block && "node" in block) {
        block.node.under = block.node.under ? null : await this.under(item.key, item.level + 1);
      } else if (!this.unfolded.delete(item.key)) {
        await this.unfold(item.key);
      }
    }
    this.lay();
    this.changed();
  }

  private async unfold(key: string, before?: Under): Promise<void> {
    const under = await this.under(key, 2, before);
    if (under.total) {
      this.unfolded.set(key, under);
    } else {
      this.unfolded.delete(key);
      this.leaves.add(key);
    }
    this.lay();
    this.changed();
  }

  /** Ask what is under a run; what was unfolded there before is so again. */
  private async under(run: string, level: number, before?: Under): Promise<Under> {
    const under: Under = { run, level, nodes: [], total: 0 };
    await this.extend(under, Math.max(PAGE, before?.nodes.length ?? 0));
    const open = new Map(before?.nodes.filter((node) => node.under).map((node) => [keyOf(node.branch.row), node.under!]));
    const again = under.nodes.map(async (node) => {
      const key = keyOf(node.branch.row);
      const old = open.get(key);
      node.under = old ? await this.under(key, level + 1, old) : null;
    });
    await Promise.all(again);
    return under;
  }

  private async extend(under: Under, count = PAGE): Promise<void> {
    const offset = under.nodes.length;
    const args = { run: under.run, direction: this.query.direction, offset, limit: Math.min(MOST, count) };
    const answer = await this.client.ask<{ total: number; rows: Branch[] }>("tree", args);
    if (offset !== under.nodes.length) {
      return; // asked for twice
    }
    under.total = answer.total;
    const { level } = under;
    const nodes = answer.rows.map((branch, place) => ({ branch, level, place: offset + place + 1, siblings: answer.total, under: null }));
    under.nodes.push(...nodes);
  }

  private async reload(): Promise<void> {
    this.generation += 1;
    this.pages = new Map();
    this.asked = new Set();
    await this.load(0);
  }

  private async load(page: number): Promise<void> {
    if (this.asked.has(page)) {
      return;
    }
    this.asked.add(page);
    const generation = this.generation;
    const args = { filter: this.query.filter, mode: this.query.mode === "stages" ? "stages" : "recent", offset: page * PAGE, limit: PAGE };
    const judged = this.client.ask<Page>("runs", { ...args, judge: true });
    let settled = false;
    const askEarly = async (): Promise<void> => {
      const answer = await this.client.ask<Page>("runs", { ...args, judge: false, wait: false });
      if (settled || generation !== this.generation) {
        return;
      }
      // Some of the runs are no better than all of a moment ago.
      if (answer.complete || !this.shown.size) {
        this.take(page, { ...answer, rows: this.judgedBefore(answer.rows) }, generation);
      }
      if (!answer.complete) {
        early = setTimeout(begin, AGAIN);
      }
    };
    const begin = (): void => void askEarly().catch(() => undefined); // the judged answer brings the same error
    let early = setTimeout(begin, PATIENCE);
    this.waiting = true;
    try {
      this.take(page, await judged, generation);
    } catch (error) {
      this.fail(error as Error, generation);
    } finally {
      settled = true;
      clearTimeout(early);
    }
  }

  /** Give runs the states that they had a moment ago, until the new ones are there. */
  private judgedBefore(rows: Row[]): Row[] {
    const known = new Map([...this.shown.values()].flat().map((row) => [keyOf(row), row]));
    return rows.map((row) => {
      const before = known.get(keyOf(row));
      return before && before.id === row.id ? { ...row, state: before.state, badge: before.badge } : row;
    });
  }

  private take(page: number, answer: Page, generation: number): void {
    if (generation !== this.generation) {
      return;
    }
    this.problem = null;
    this.waiting = this.reading = !answer.complete;
    this.pages.set(page, answer.rows);
    this.runs = answer.total;
    this.version = answer.version;
    this.stages = answer.stages ?? this.stages;
    this.lay();
    this.changed();
  }

  private fail(error: Error, generation: number): void {
    if (generation === this.generation) {
      this.problem = error;
      this.waiting = this.reading = false;
      this.changed();
    }
  }

  private rootAt(place: number): Row | undefined {
    const page = Math.floor(place / PAGE);
    if (!this.pages.has(page)) {
      void this.load(page);
    }
    return (this.pages.get(page) ?? this.shown.get(page))?.[place % PAGE];
  }

  private itemOfNode(node: TreeNode): RunItem {
    const key = keyOf(node.branch.row);
    return {
      kind: "run",
      key,
      row: node.branch.row,
      level: node.level,
      expanded: node.branch.children ? node.under !== null : null,
      name: node.branch.name,
      place: node.place,
      siblings: node.siblings,
    };
  }

  /** Lay headings, roots and what is unfolded one after the other. */
  private lay(): void {
    this.blocks = [];
    this.total = 0;
    if (this.query.mode !== "stages") {
      this.layRoots(0, this.runs, this.runs);
      return;
    }
    let roots = 0;
    for (const { stage, total } of this.stages ?? []) {
      const expanded = !this.folded.has(stage ?? "");
      this.push({ start: 0, count: 1, heading: { kind: "heading", stage, count: total, expanded } });
      if (expanded) {
        this.push({ start: 0, count: total, roots, of: total, offset: roots });
      }
      roots += total;
    }
  }

  private layRoots(first: number, count: number, of: number): void {
    let from = first;
    for (const place of this.unfoldedPlaces()) {
      this.push({ start: 0, count: place + 1 - from, roots: from, of, offset: first });
      const row = this.rootAt(place);
      this.layUnder(row ? (this.unfolded.get(keyOf(row)) ?? null) : null);
      from = place + 1;
    }
    this.push({ start: 0, count: first + count - from, roots: from, of, offset: first });
  }

  private unfoldedPlaces(): number[] {
    if (!this.unfolded.size) {
      return [];
    }
    const places: number[] = [];
    for (const [page, rows] of this.pages) {
      rows.forEach((row, place) => this.unfolded.has(keyOf(row)) && places.push(page * PAGE + place));
    }
    return places.sort((a, b) => a - b);
  }

  private layUnder(under: Under | null): void {
    for (const node of under?.nodes ?? []) {
      this.push({ start: 0, count: 1, node });
      this.layUnder(node.under);
    }
    if (under && under.nodes.length < under.total) {
      this.push({ start: 0, count: 1, more: under });
    }
  }

  private push(block: Block): void {
    if (block.count > 0) {
      block.start = this.total;
      this.blocks.push(block);
      this.total += block.count;
    }
  }

  private find(index: number): Block | undefined {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.blocks[middle]!.start <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    const block = this.blocks[low];
    return block && index >= block.start && index < block.start + block.count ? block : undefined;
  }
}
