"""The runs before and after one: as a graph, and as the branches of a tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from naga.lock.describe import printable
from naga.lock.receipt import Receipt
from naga.lock.staleness import Examiner, root_of_ancestor
from naga.operations.arguments import Argument
from naga.operations.rows import badge_of, next_offset, row_of_subject, rows_of_entries
from naga.operations.subjects import entry_of_receipt, find_subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from naga.catalog.ledger import Ledger
    from naga.catalog.ledger_rows import Entry
    from naga.catalog.librarian import Librarian
    from naga.operations.subjects import Subject

__all__ = ["GRAPH", "TREE", "branches", "draw_graph"]

GRAPH = {
    "run": Argument("text"),
    "direction": Argument("text", default="both", choices=("both", "up", "down")),
    "depth": Argument("number", default=10, lowest=1, highest=50),
    "limit": Argument("number", default=300, lowest=1, highest=300),
    "collapse": Argument("flag", default=True),
    "unfold": Argument("text", default=""),
}
TREE = {
    "run": Argument("text"),
    "direction": Argument("text", default="up", choices=("up", "down")),
    "offset": Argument("number", default=0),
    "limit": Argument("number", default=100, lowest=1, highest=500),
}
_ALIKE: Final = 5
"""Siblings from which on they are drawn as one."""
_MOST_MEMBERS: Final = 100
_MOST_WALKED: Final = 5000
"""Runs that are looked at before what is alike is put together."""


@dataclass
class _Node:
    """A run in the graph: its `entry`, or of one that nothing is known of only its `name` and identifier."""

    key: str
    entry: Entry | None
    name: str
    layer: int
    above: dict[str, str] = field(default_factory=dict)
    below: set[str] = field(default_factory=set)
    members: list[str] = field(default_factory=list)
    count: int = 1


def draw_graph(
    librarian: Librarian, *, run: str, direction: str, depth: int, limit: int, collapse: bool, unfold: str
) -> dict[str, Any]:
    """Return the runs around one as nodes and edges.

    Parameters
    ----------
    librarian : Librarian
    run : str
        As for `naga.operations.subjects.find_subject`.
    direction : {"both", "up", "down"}
        Up are the runs before it.
    depth : int
        Steps from the run.
    limit : int
        The most nodes; the nearest are kept.
    collapse : bool
        Whether five or more runs of one stage that have the same runs before and after them become one node.
    unfold : str
        Ids with spaces between them; what one of these is among is not put together.

    Returns
    -------
    dict
        As docs/operations.md has it.
    """
    subject = find_subject(librarian, run)
    walk = _Walk(librarian, subject)
    if isinstance(subject.receipt, Receipt):
        if direction != "down":
            walk.go_up(subject.receipt, depth)
        if direction != "up":
            walk.go_down(depth)
    nodes = _collapsed(walk.nodes, walk.focus, set(unfold.split())) if collapse else walk.nodes
    kept = dict(sorted(nodes.items(), key=lambda item: (abs(item[1].layer), item[1].layer))[:limit])
    hidden = sum(node.count for key, node in nodes.items() if key not in kept)
    edges = [
        {"source": source, "target": key, "name": name}
        for key, node in kept.items()
        for source, name in node.above.items()
        if source in kept
    ]
    rows = _rows(librarian, kept.values(), subject)
    return {
        "focus": walk.focus,
        "nodes": [
            {"key": key, "row": rows[key], "layer": node.layer, "count": node.count, "members": node.members}
            for key, node in kept.items()
        ],
        "edges": edges,
        "hidden": hidden + walk.skipped,
    }


def branches(librarian: Librarian, *, run: str, direction: str, offset: int, limit: int) -> dict[str, Any]:
    """Return the runs directly before or after one.

    Parameters
    ----------
    librarian : Librarian
    run : str
        As for `naga.operations.subjects.find_subject`.
    direction : {"up", "down"}
        Up are the runs before it.
    offset, limit : int
        Which of them.

    Returns
    -------
    dict
        As docs/operations.md has it.
    """
    subject = find_subject(librarian, run)
    if not isinstance(subject.receipt, Receipt):
        return {"total": 0, "offset": offset, "next": None, "rows": []}
    total, chosen = (_above if direction == "up" else _below)(librarian, subject, offset, limit)
    rows = _rows(librarian, [node for node, _ in chosen], subject)
    return {
        "total": total,
        "offset": offset,
        "next": next_offset(offset, len(chosen), total),
        "rows": [{"row": rows[node.key], "name": node.name, "children": count} for node, count in chosen],
    }


def _above(librarian: Librarian, subject: Subject, offset: int, limit: int) -> tuple[int, list[tuple[_Node, int]]]:
    """Return how many runs are directly before one, and some of them, each with the number of those before it."""
    walk, lineage = _Walk(librarian, subject), subject.known.lineage
    walk.go_up(subject.known, 1)
    found = [node for node in walk.nodes.values() if node.layer]
    chosen = [(node, lineage.get(node.key)) for node in found[offset : offset + limit]]
    return len(found), [(node, len({prev.id for prev in run.prevs.values()}) if run else 0) for node, run in chosen]


def _below(librarian: Librarian, subject: Subject, offset: int, limit: int) -> tuple[int, list[tuple[_Node, int]]]:
    """Return how many runs are directly after one, and some of them, each with the number of those after it."""
    root, identifier = str(librarian.root), subject.known.id

    def find(ledger: Ledger) -> tuple[int, list[tuple[_Node, int]]]:
        found = ledger.children(root, identifier, offset=offset, limit=limit)
        nodes = [_Node(entry.id or entry.path, entry, name, 1) for entry, name in found]
        return ledger.count_children(root, identifier), [
            (node, ledger.count_children(root, node.key)) for node in nodes
        ]

    return librarian.ask(find)


class _Walk:
    """The way through the runs around one."""

    def __init__(self, librarian: Librarian, subject: Subject) -> None:
        self._librarian = librarian
        self._root = str(librarian.root)
        self.focus = subject.entry.id or subject.entry.path
        self.nodes = {self.focus: _Node(self.focus, subject.entry, "", 0)}
        self.skipped = 0

    def go_up(self, receipt: Receipt, depth: int) -> None:
        """Follow what the receipt itself holds; it does so for ever, whatever has become of the disk."""
        level = [(self.focus, receipt)]
        for step in range(1, depth + 1):
            above: dict[str, Receipt] = {}
            for key, holder in level:
                for name, prev in holder.prevs.items():
                    self.nodes[key].above[prev.id] = name
                    if prev.id not in self.nodes and self._has_room():
                        found = receipt.lineage.get(prev.id)
                        self.nodes[prev.id] = _Node(prev.id, self._entry(prev.id, found), name, -step)
                        if found is not None:
                            above[prev.id] = found
                    if prev.id in self.nodes:
                        self.nodes[prev.id].below.add(key)
            level = list(above.items())

    def go_down(self, depth: int) -> None:
        """Follow who names a run among its prevs, as far as the ledger knows."""
        level = [self.focus]
        for step in range(1, depth + 1):
            below = []
            for key in level:
                for entry, name in self._children(key):
                    identifier = entry.id or entry.path
                    if identifier not in self.nodes and self._has_room():
                        self.nodes[identifier] = _Node(identifier, entry, name, step)
                        below.append(identifier)
                    if identifier in self.nodes:
                        self.nodes[identifier].above.setdefault(key, name)
                        self.nodes[key].below.add(identifier)
            level = below

    def _has_room(self) -> bool:
        if len(self.nodes) < _MOST_WALKED:
            return True
        self.skipped += 1
        return False

    def _entry(self, identifier: str, embedded: Receipt | None) -> Entry | None:
        found = self._librarian.ask(lambda ledger: ledger.named(self._root, identifier))
        return found[0] if found else entry_of_receipt("", embedded) if embedded else None

    def _children(self, identifier: str) -> list[tuple[Entry, str]]:
        return self._librarian.ask(lambda ledger: ledger.children(self._root, identifier))


def _collapsed(nodes: Mapping[str, _Node], focus: str, unfolded: set[str]) -> dict[str, _Node]:
    """Put runs of one stage together that have the same runs before and after them."""
    groups: dict[tuple[Any, ...], list[_Node]] = {}
    for node in nodes.values():
        stage = node.entry.stage if node.entry else node.name
        kind = (node.key,) if node.key == focus else ()
        alike = (stage, node.layer, frozenset(node.above), frozenset(node.below), *kind)
        groups.setdefault(alike, []).append(node)
    merged: dict[str, _Node] = {}
    stands_for: dict[str, str] = {}
    for members in groups.values():
        if len(members) < _ALIKE or any(node.key in unfolded for node in members):
            merged.update({node.key: node for node in members})
            continue
        newest = max(members, key=lambda node: (node.entry.started or "" if node.entry else "", node.key))
        newest.count, newest.members = len(members), [node.key for node in members][:_MOST_MEMBERS]
        merged[newest.key] = newest
        stands_for.update({node.key: newest.key for node in members})
    for node in merged.values():
        node.above = {stands_for.get(key, key): name for key, name in node.above.items()}
    return merged


def _rows(librarian: Librarian, nodes: Iterable[_Node], subject: Subject) -> dict[str, dict[str, Any]]:
    """Return the rows of nodes, those on the disk judged together."""
    listed = list(nodes)
    lying = [(node.key, node.entry) for node in listed if node.entry is not None and node.entry.path]
    rows = dict(zip([key for key, _ in lying], rows_of_entries(librarian, [entry for _, entry in lying]), strict=True))
    for node in listed:
        if node.key in rows:
            continue
        if node.entry is not None and node.key == (subject.entry.id or subject.entry.path):
            rows[node.key] = row_of_subject(librarian, subject)
        elif node.entry is not None:
            rows[node.key] = _embedded_row(librarian, node.entry, subject)
        else:
            rows[node.key] = _unknown_row(node)
    return rows


def _embedded_row(librarian: Librarian, entry: Entry, subject: Subject) -> dict[str, Any]:
    """Return the row of a run that only later ones still have, judged by what they embed."""
    receipt = subject.known
    found = receipt.lineage.get(entry.id or "")
    state = None
    if found is not None:
        world = librarian.world()
        root = root_of_ancestor(found, receipt, subject.root)
        state = Examiner(world).verdict_of_ancestor(found, receipt, root).state
        librarian.learn(world)
    row = rows_of_entries(librarian, [entry], judge=False)[0]
    return {**row, "state": state, "badge": badge_of(state, entry.status)}


def _unknown_row(node: _Node) -> dict[str, Any]:
    """Return the row of a prev of which not even a later receipt says more than its name."""
    return {
        "id": node.key,
        "path": None,
        "stage": printable(node.name),
        "status": None,
        "state": "unreadable",
        "badge": badge_of("unreadable", None),
        "started": None,
        "finished": None,
        "duration": None,
        "metric": None,
        "config": {},
        "problem": "no receipt holds this run",
        "on_disk": False,
    }
