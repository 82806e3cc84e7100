// The parts of the view that need no browser: run by `node test.mjs`, and by the tests of the project.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { build } from "esbuild";

mkdirSync("lib/tested", { recursive: true });
const names = ["layout", "rows", "text"];
await build({
  bundle: true,
  entryPoints: names.map((name) => `src/view/${name}.ts`),
  format: "esm",
  outdir: "lib/tested",
});
const [{ layout }, { Rows }, { age, safeLink, visible }] = await Promise.all(names.map((name) => import(`./lib/tested/${name}.js`)));

test("terminal sequences are taken out and hidden characters spelled out", () => {
  assert.equal(visible("\x1b[31mred\x1b[0m\x1b]0;title\x07!"), "red!");
  assert.equal(visible("exe.\u202egpj"), "exe.<U+202E>gpj");
  assert.equal(visible("a\u200bb\x00\n\tc"), "a<U+200B>b<U+0000>\n\tc");
});

test("only addresses of the web are links", () => {
  assert.equal(safeLink("http://localhost:5000/#/x"), "http://localhost:5000/#/x");
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x", "", null]) {
    assert.equal(safeLink(bad), null);
  }
});

test("an age is told in one unit", () => {
  const now = Date.parse("2026-11-26T12:00:00Z");
  assert.equal(age("2026-11-26T11:59:30Z", now), "30 s");
  assert.equal(age("2026-11-24T12:00:00Z", now), "2 d");
  assert.equal(age("never", now), "");
});

test("no two nodes of a layout lie on each other, and a long edge passes between the nodes", () => {
  const nodes = ["a", "b", "c", "d"].map((key, index) => ({ key, layer: [0, 1, 1, 2][index] }));
  const edges = [["a", "b"], ["a", "c"], ["b", "d"], ["a", "d"]].map(([source, target]) => ({ source, target }));
  const placed = layout(nodes, edges);
  assert.equal(new Set([...placed.nodes.values()].map(({ x, y }) => `${x} ${y}`)).size, 4);
  const long = placed.edges.find(({ source, target }) => source === "a" && target === "d");
  assert.equal(long.points.length, 3);
  const middle = [placed.nodes.get("b"), placed.nodes.get("c")];
  assert.ok(middle.every(({ y }) => y !== long.points[1].y));
});

test("edges that need not cross do not", () => {
  const nodes = [0, 1].flatMap((layer) => [0, 1, 2].map((place) => ({ key: `${layer}${place}`, layer })));
  const edges = [0, 1, 2].map((place) => ({ source: `0${place}`, target: `1${2 - place}` }));
  const { nodes: at } = layout(nodes, edges);
  edges.forEach(({ source, target }) => assert.equal(at.get(source).y, at.get(target).y));
});

/** A side that knows 250 runs of two stages; each tenth has two children. */
function library() {
  const asked = [];
  const row = (place) => ({ path: `r${place}`, id: `i${place}`, stage: place < 200 ? "fit" : "prepare" });
  const ask = async (op, args) => {
    asked.push([op, args]);
    if (op === "tree") {
      return { total: 2, rows: [1, 2].map((place) => ({ row: row(1000 + place), name: null, children: 0 })) };
    }
    const rows = Array.from({ length: Math.min(args.limit, 250 - args.offset) }, (_, place) => row(args.offset + place));
    const stages = args.mode === "stages" ? [{ stage: "fit", total: 200 }, { stage: "prepare", total: 50 }] : null;
    return { total: 250, offset: args.offset, rows, version: "1", stages, complete: true };
  };
  return { client: { ask }, asked };
}

test("rows are asked for page by page, and only where somebody looks", async () => {
  const { client, asked } = library();
  const rows = new Rows(client, () => undefined);
  await rows.restart({ filter: "", mode: "recent", direction: "up" });
  assert.equal(rows.total, 250);
  assert.equal(rows.at(3).key, "r3");
  assert.equal(rows.at(249).kind, "loading");
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(rows.at(249).key, "r249");
  assert.deepEqual(asked.map(([, args]) => args.offset), [0, 200]);
});

test("stages have headings, and folding one hides its runs", async () => {
  const rows = new Rows(library().client, () => undefined);
  await rows.restart({ filter: "", mode: "stages", direction: "up" });
  assert.equal(rows.total, 252);
  assert.equal(rows.at(201).stage, "prepare");
  await rows.toggle(0);
  assert.equal(rows.total, 52);
  assert.equal(rows.at(1).stage, "prepare");
});

test("unfolding a run of the tree puts its children below it, and folding takes them away", async () => {
  const rows = new Rows(library().client, () => undefined);
  await rows.restart({ filter: "", mode: "tree", direction: "up" });
  await rows.toggle(5);
  assert.equal(rows.total, 252);
  assert.deepEqual([5, 6, 7, 8].map((index) => rows.at(index).key), ["r5", "r1001", "r1002", "r6"]);
  assert.equal(rows.at(6).level, 2);
  assert.equal(rows.parent(7), 5);
  assert.equal(rows.indexOf("r6"), 8);
  await rows.toggle(5);
  assert.equal(rows.total, 250);
});

test("a run keeps the state that it had until the new one is there", async () => {
  let release;
  const late = new Promise((resolve) => (release = resolve));
  const row = (state) => ({ path: "r", id: "i", stage: "fit", state, badge: { glyph: "", word: state ?? "finished", tone: "none" } });
  let isSlow = false;
  const ask = async (_, args) => {
    if (args.judge && isSlow) {
      await late;
    }
    return { total: 1, offset: 0, rows: [row(args.judge ? (isSlow ? "stale" : "ok") : null)], version: "1", stages: null, complete: true };
  };
  const rows = new Rows({ ask }, () => undefined);
  await rows.restart({ filter: "", mode: "recent", direction: "up" });
  isSlow = true;
  const done = rows.refresh();
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(rows.at(0).row.badge.word, "ok");
  release();
  await done;
  assert.equal(rows.at(0).row.badge.word, "stale");
});

test("what is under a run comes a page at a time, and is unfolded again after a refresh", async () => {
  const row = (name) => ({ path: name, id: name, stage: "fit" });
  const ask = async (op, args) => {
    if (op === "runs") {
      return { total: 1, offset: 0, rows: [row("root")], version: "1", stages: null, complete: true };
    }
    const count = Math.min(args.limit, 130 - args.offset);
    return { total: 130, offset: args.offset, rows: Array.from({ length: count }, (_, n) => ({ row: row(`c${args.offset + n}`), name: null, children: 1 })) };
  };
  const rows = new Rows({ ask }, () => undefined);
  await rows.restart({ filter: "", mode: "tree", direction: "down" });
  await rows.toggle(0);
  assert.deepEqual([rows.total, rows.at(101)], [102, { kind: "more", level: 2, left: 30 }]);
  await rows.toggle(101);
  assert.equal(rows.total, 131);
  await rows.toggle(3);
  await rows.refresh();
  assert.deepEqual([rows.total, rows.at(3).expanded, rows.at(4).level], [232, true, 3]);
});

test("while receipts are read for the first time those that are known so far are shown, and more each time", async () => {
  let release;
  const late = new Promise((resolve) => (release = resolve));
  let known = 0;
  const page = (total, complete) => ({ total, offset: 0, rows: [{ path: "r", id: "i", stage: "fit" }], version: "1", stages: null, complete });
  const ask = async (_, args) => {
    assert.equal(args.judge, args.wait === undefined);
    return args.judge ? late.then(() => page(300, true)) : page((known += 100), false);
  };
  const rows = new Rows({ ask }, () => undefined);
  const done = rows.restart({ filter: "", mode: "recent", direction: "up" });
  while (rows.runs < 200) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual([rows.reading, rows.waiting], [true, true]);
  release();
  await done;
  assert.deepEqual([rows.runs, rows.reading, rows.waiting], [300, false, false]);
});
