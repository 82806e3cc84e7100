/** What the parts of the view share. */

import type { Client } from "./client";

export interface Context {
  readonly client: Client;
  readonly element: HTMLElement;
  readonly hosted: boolean; // the page around can open files and insert cells
  root(): string;
  select(key: string): void;
  compare(key: string): void;
  showGraph(key: string, title: string): void;
  announce(text: string): void;
}
