/**
 * Places for the nodes of a layered graph.
 *
 * The layers are given. Long edges are cut by a point in each layer that they cross, so that they find a way between the nodes;
 * then the order in each layer is improved by sweeps that put each node at the mean place of its neighbours (Sugiyama, Tagawa and
 * Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981).
 */

export interface Node {
  key: string;
  layer: number;
}

export interface Edge {
  source: string;
  target: string;
}

export interface Placed {
  nodes: Map<string, { x: number; y: number }>;
  edges: { source: string; target: string; points: { x: number; y: number }[] }[];
  width: number;
  height: number;
}

export const NODE_WIDTH = 150;
export const NODE_HEIGHT = 40;
const GAP_X = 60;
const GAP_Y = 16;
const SWEEPS = 4;

interface Vertex {
  key: string;
  layer: number;
  place: number;
  before: Vertex[];
  after: Vertex[];
}

export function layout(nodes: readonly Node[], edges: readonly Edge[]): Placed {
  const vertices = new Map<string, Vertex>();
  const layers = new Map<number, Vertex[]>();
  const add = (key: string, layer: number): Vertex => {
    const row = layers.get(layer) ?? [];
    layers.set(layer, row);
    const vertex = { key, layer, place: row.length, before: [], after: [] };
    row.push(vertex);
    return vertex;
  };
  nodes.forEach((node) => vertices.set(node.key, add(node.key, node.layer)));
  const ways = edges.flatMap((edge) => cut(edge, vertices, add));
  const rows = [...layers.keys()].sort((a, b) => a - b).map((layer) => layers.get(layer) ?? []);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    rows.forEach((row) => order(row, "before"));
    [...rows].reverse().forEach((row) => order(row, "after"));
  }
  return place(rows, vertices, ways);
}

type Way = { edge: Edge; points: Vertex[] };

/** Lead an edge through each layer between its ends. */
function cut(edge: Edge, vertices: Map<string, Vertex>, add: (key: string, layer: number) => Vertex): Way[] {
  const source = vertices.get(edge.source);
  const target = vertices.get(edge.target);
  if (!source || !target) {
    return [];
  }
  const step = Math.sign(target.layer - source.layer);
  const points = [source];
  for (let layer = source.layer + step; step && layer !== target.layer; layer += step) {
    points.push(add("", layer));
  }
  points.push(target);
  points.slice(1).forEach((vertex, index) => {
    const previous = points[index]!;
    const [left, right] = step > 0 ? [previous, vertex] : [vertex, previous];
    left.after.push(right);
    right.before.push(left);
  });
  return [{ edge, points }];
}

function order(row: Vertex[], side: "before" | "after"): void {
  const mean = new Map(
    row.map((vertex) => {
      const near = vertex[side];
      const sum = near.reduce((total, other) => total + other.place, 0);
      return [vertex, near.length ? sum / near.length : vertex.place];
    }),
  );
  row.sort((a, b) => (mean.get(a) ?? 0) - (mean.get(b) ?? 0) || a.place - b.place);
  row.forEach((vertex, index) => {
    vertex.place = index;
  });
}

function place(rows: Vertex[][], vertices: Map<string, Vertex>, ways: Way[]): Placed {
  const tallest = Math.max(1, ...rows.map((row) => row.length));
  const height = tallest * (NODE_HEIGHT + GAP_Y) + GAP_Y;
  const positions = new Map<Vertex, { x: number; y: number }>();
  rows.forEach((row, column) => {
    const top = (height - row.length * (NODE_HEIGHT + GAP_Y) + GAP_Y) / 2;
    row.forEach((vertex, index) => {
      positions.set(vertex, { x: GAP_X / 2 + column * (NODE_WIDTH + GAP_X), y: top + index * (NODE_HEIGHT + GAP_Y) });
    });
  });
  const at = (vertex: Vertex): { x: number; y: number } => positions.get(vertex) ?? { x: 0, y: 0 };
  return {
    nodes: new Map([...vertices].map(([key, vertex]) => [key, at(vertex)])),
    edges: ways.map(({ edge, points }) => ({ source: edge.source, target: edge.target, points: points.map(at) })),
    width: rows.length * (NODE_WIDTH + GAP_X),
    height,
  };
}
