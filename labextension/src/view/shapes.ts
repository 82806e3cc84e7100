/** The answers to questions, as docs/operations.md describes them. Every text in them may be hostile. */

export type Tone = "good" | "warn" | "bad" | "busy" | "none";

export interface Row {
  id: string | null;
  path: string | null;
  stage: string | null;
  status: string | null;
  state: string | null;
  badge: { glyph: string; word: string; tone: Tone };
  started: string | null;
  finished: string | null;
  duration: number | null;
  metric: { name: string; value: number } | null;
  config: Record<string, string>;
  problem: string | null;
  on_disk: boolean;
}

export interface Status {
  root: { name: string };
  total: number;
  version: string;
  live: { mode: "watching" | "polling" | "none"; interval: number | null; problem: string | null };
  naga: string;
  problems: { path: string; problem: string }[];
}

export interface Page {
  total: number;
  offset: number;
  rows: Row[];
  version: string;
  stages: { stage: string | null; total: number }[] | null;
  complete: boolean; // false: receipts are being read, and these are those known so far
}

export interface Branch {
  row: Row;
  name: string | null;
  children: number;
}

export interface Data {
  name: string;
  path: string;
  served: string | null;
  digest: string | null;
  size: number | null;
  kind: "file" | "tree";
  files: number | null;
  now: { state: "intact" | "modified" | "missing"; digest: string | null; problem: string | null } | null;
  preview?: "text" | "image" | "folder" | null;
}

export interface Code {
  name: string;
  commit: string | null;
  snapshot: string | null;
  dirty: boolean | null;
  branch: string | null;
  url: string | null;
  problem: string | null;
  excluded: string[];
  files: { path: string; digest: string; changed: boolean }[];
  files_total: number;
}

export interface Prev {
  name: string;
  path: string | null;
  then: { id: string; digest: string; stage: string | null; status: string | null; started: string | null };
  now: { id: string; digest: string; stage: string | null; status: string; state: string | null; started: string | null; path: string } | null;
  change: string;
  text: string;
}

export interface Cause {
  state: string;
  what: string;
  name: string;
  was: string | null;
  now: string | null;
  text: string;
  chain: string;
  files: string[];
  steps: { stage: string | null; id: string | null; path: string | null }[];
}

export interface Run extends Row {
  recipe: string | null;
  caller: { file: string | null; function: string | null; module: string | null; notebook: string | null; argv: string[] } | null;
  folder: string | null;
  configuration: Record<string, unknown>;
  data: Data[];
  outputs: Data[];
  code: Code[];
  prevs: Prev[];
  successors: Row[];
  undeclared: string[];
  failure: { type: string; message: string; file: string | null; line: number | null } | null;
  environment: Record<string, unknown>;
  causes: Cause[];
  snippet: string | null;
  magic: string | null; // works in any folder
  magic_here: string | null; // works in the folder `cwd`
  cwd: string | null; // below the root; null where it is outside
}

export interface Graph {
  focus: string;
  nodes: { key: string; row: Row; layer: number; count: number; members: string[] }[];
  edges: { source: string; target: string; name: string }[];
  hidden: number;
}

export interface Difference {
  section: string;
  name: string;
  first: unknown;
  second: unknown;
  files: string[];
  detail: string | null;
  only_in: "first" | "second" | null;
}

export interface Comparison {
  a: Row;
  b: Row;
  identical: boolean;
  differences: Difference[];
  statistics: string[];
  text: string;
}

export interface Finding {
  name: string;
  state: string;
  path?: string;
  snapshot?: string;
  detail: string | null;
}

export interface Verification {
  run: Row;
  intact: boolean;
  consistent: boolean;
  same_environment: boolean;
  runs: {
    id: string;
    stage: string | null;
    status: string | null;
    path: string | null;
    intact: boolean;
    code: Finding[];
    data: Finding[];
    outputs: Finding[];
    environment: { what: string; recorded: unknown; current: unknown }[];
    problems: string[];
  }[];
}

export interface FileAnswer {
  name: string;
  kind: "text" | "image" | "folder" | "binary";
  media_type: string | null;
  size: number | null;
  modified: boolean;
  text: string | null;
  truncated: boolean;
  data: string | null;
  entries: { name: string; kind: string; size: number | null }[] | null;
}

export interface Tracked {
  available: boolean;
  hint: string | null;
  runs: { id: string; name: string; status: string; active: boolean; metrics: Record<string, number>; url: string | null }[];
}

export interface Progress {
  done: number;
  total: number | null;
  what: string | null;
}
