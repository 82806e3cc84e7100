"""Receipts to test with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from naga.lock.digest import hash_bytes
from naga.lock.receipt import DataEntry, ErrorEntry, PrevEntry, Receipt, RepositoryEntry, receipt_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PACKAGES = ["numpy==2.1.0", "pandas==2.2.3"]


def digest_of(text: str) -> str:
    return hash_bytes(text.encode())


def run_id(number: int) -> str:
    """Return the identifier of a run; a greater number is a later run."""
    return f"01890a5d-ac96-774b-bcce-{number:012x}"


def environment_of(packages: list[str]) -> dict[str, Any]:
    digest = digest_of("\n".join(packages))
    return {"interpreter": {"version": "3.11.7"}, "packages": {"digest": digest, "list": packages}}


def make_receipt(number: int = 1, **changes: Any) -> Receipt:
    """Return a receipt of a finished run that has everything but prevs."""
    name = f"stage_{number}"
    values: dict[str, Any] = {
        "id": run_id(number),
        "recipe": digest_of(f"recipe of {name}"),
        "status": "finished",
        "started": "2024-05-01T10:00:00.000Z",
        "finished": "2024-05-01T10:00:02.500Z",
        "duration": 2.5,
        "caller": {
            "module": "__main__",
            "function": "main",
            "file": f"{name}.py",
            "argv": ["-o", "param=2"],
            "cwd": ".",
            "root": "/project",
        },
        "config": {"param": 2, "rate": 1e-05, "names": ["a", "ü"], "save_dir": f"results/{name}"},
        "used": {"files": {"project": {f"{name}.py": digest_of(name)}}, "undeclared": []},
        "repos": {"project": RepositoryEntry(commit="a" * 40, tree="b" * 40, dirty=True, snapshot="c" * 40)},
        "environment": environment_of(PACKAGES),
        "data": {"raw": DataEntry(path="data/raw.csv", digest=digest_of("raw"), size=10, kind="file")},
        "outputs": {
            "out": DataEntry(path=f"results/{name}/out", digest=digest_of("out"), size=0, kind="tree", files=0)
        },
        **changes,
    }
    return Receipt(**values)


def failed_receipt(number: int = 1) -> Receipt:
    error = ErrorEntry(type="ZeroDivisionError", message="division by zero", file="process.py", line=0)
    return make_receipt(number, status="failed", error=error)


def as_prevs(receipts: Iterable[Receipt]) -> dict[str, PrevEntry]:
    """Return what a receipt says of the stages before it."""
    return {
        f"prev_{receipt.id[-4:]}": PrevEntry(
            id=receipt.id, digest=receipt_digest(receipt), path=f"results/{receipt.id}/run.lock"
        )
        for receipt in receipts
    }


def chain(length: int, lineage: Mapping[str, Receipt] | None = None) -> Receipt:
    """Return the last receipt of a chain of stages."""
    receipts: list[Receipt] = []
    for number in range(1, length + 1):
        receipts.append(make_receipt(number, prevs=as_prevs(receipts[-1:])))
    last = receipts.pop()
    ancestors = {receipt.id: receipt for receipt in receipts} if lineage is None else lineage
    return make_receipt(length, prevs=last.prevs, lineage=ancestors)
