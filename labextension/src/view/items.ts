/** What can stand at a place of the list. */

import type { Row } from "./shapes";

export interface RunItem {
  kind: "run";
  key: string;
  row: Row;
  level: number;
  expanded: boolean | null; // null: there is nothing under it
  name: string | null;
  place: number; // among its siblings, from 1
  siblings: number;
}

export interface HeadingItem {
  kind: "heading";
  stage: string | null;
  count: number;
  expanded: boolean;
}

/** Stands for the runs under one that have not been asked for yet. */
export interface MoreItem {
  kind: "more";
  level: number;
  left: number;
}

export type Item = RunItem | HeadingItem | MoreItem | { kind: "loading" };

export function levelOf(item: Item): number {
  return item.kind === "run" || item.kind === "more" ? item.level : 1;
}
