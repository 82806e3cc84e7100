"""What docs/formats.md says of receipts is true: its keys, its example, its limits, and its code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from naga.lock.document import ANCESTOR_LIMIT, DEPTH_LIMIT, MARK_LIMIT, PART_LIMIT, SIZE_LIMIT
from naga.lock.environment import describe_environment
from naga.lock.outputs import MOST_OUTPUTS
from naga.lock.plain_yaml import NODE_LIMIT
from naga.lock.receipt import (
    DataEntry,
    ErrorEntry,
    PrevEntry,
    Receipt,
    RepositoryEntry,
    read_receipt,
    receipt_digest,
    receipt_text,
)
from naga.lock.recipe import recipe_digest
from naga.lock.settings import CompareRule, Settings
from naga.rerun.attest import Rerun
from naga.rerun.outputs import OutputVerdict
from tests.lock.samples import as_prevs, failed_receipt, make_receipt

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
CHAPTER = PAGE.partition("\n## The receipt\n")[2]
CHAPTER = re.split(r"^## ", CHAPTER, flags=re.MULTILINE)[0]


def section(title: str) -> str:
    found = re.search(rf"^### {title}\n(.*?)(?=^### |\Z)", CHAPTER, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def keys_of(table: str) -> list[str]:
    """Return the keys in the first column of a table."""
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [key for row in rows for key in re.findall(r"`(\w+)`", row)]


def test_formats_page_lists_the_keys_of_a_receipt_in_their_order() -> None:
    tables = re.split(r"^(?:A|The)? ?\*\*(?:repository|Data|environment)\*\* has$", section("The keys"), flags=re.M)
    receipt, repository, data, environment = tables

    assert keys_of(receipt) == ["naga", *(name for name in Receipt.__slots__ if name != "extra")]
    assert keys_of(repository) == list(RepositoryEntry.__slots__)
    assert keys_of(data) == list(DataEntry.__slots__)
    described = describe_environment(seeds={"random": 1}, environ={"APPTAINER_CONTAINER": "image"})
    # The first column alone: others name keys of keys.
    assert keys_of(environment) == list(described)
    for keys in ("interpreter", "platform", "cpu"):
        assert all(f"`{key}`" in environment for key in described[keys])
    for entry in (PrevEntry, ErrorEntry):
        assert all(f"`{name}`" in section("The keys") for name in entry.__slots__)


def test_formats_page_lists_the_keys_of_the_settings() -> None:
    settings = re.split(r"^## ", PAGE.partition("`naga.toml`\n\n")[2], flags=re.M)[0]

    assert keys_of(settings) == list(Settings.__struct_fields__)
    assert all(f"`{name}`" in settings for name in CompareRule.__struct_fields__)


def test_page_on_reruns_lists_the_keys_of_an_attestation() -> None:
    page = (ROOT / "docs" / "rerun.md").read_text(encoding="utf-8")
    table = page.partition(".naga/attestations/<id>.yml")[2].partition("A key without content")[0]
    places = {"attestation", "folder", "save_dir"}  # Places on this machine, which are not written down.

    named = {key for row in table.splitlines() for key in re.findall(r"`(\w+)`", row)}
    kept = {item.name for item in fields(Rerun)} - places
    assert {"attestation", *kept} <= named
    assert {item.name for item in fields(OutputVerdict)} <= named


def test_formats_page_has_an_example_that_is_a_receipt_as_naga_writes_it(tmp_path: Path) -> None:
    example = re.findall(r"```yaml\n(.*?)```", section("An example"), re.DOTALL)[0]
    (tmp_path / "run.lock").write_text(example, encoding="utf-8")

    assert receipt_text(read_receipt(tmp_path / "run.lock")) == example


@pytest.mark.parametrize(
    "limit",
    [
        f"{SIZE_LIMIT >> 20} MiB",
        f"{PART_LIMIT >> 20} MiB",
        f"{DEPTH_LIMIT} levels",
        NODE_LIMIT,
        ANCESTOR_LIMIT,
        MARK_LIMIT,
    ],
)
def test_formats_page_names_every_limit(limit: str | int) -> None:
    text = limit if isinstance(limit, str) else f"{limit:,}"

    assert f"| {text} |" in section("What a reader refuses")
    assert f"More than {MOST_OUTPUTS:,} outputs" in CHAPTER


def functions_of_page() -> dict[str, Callable[..., Any]]:
    """Run the code of the page, which knows nothing of naga."""
    (code,) = re.findall(r"```python\n(.*?)```", section("Computing both without naga"), re.DOTALL)
    assert "naga" not in code
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    return namespace


ONE = make_receipt(1)
OTHERS = {
    "full": make_receipt(2, prevs=as_prevs([ONE]), lineage={ONE.id: ONE}),
    "failed": failed_receipt(),
    "ancestor unknown": make_receipt(2, prevs=as_prevs([ONE])),
    "locations": make_receipt(
        config={
            "save_dir": "out",
            "a": ["out/x", "../data/raw.csv", {"b": "/project/data/raw.csv"}],
            "c": {"path": "../data/raw.csv", "digest": "d"},
            "d": {"path": "../data/raw.csv", "rows": 1},
        },
        caller={**ONE.caller, "cwd": "code"},
    ),
    "numbers": make_receipt(
        config={"a": [1e-07, 1e22, 1.0, 1, True, None, float("inf"), float("nan")], "é\U0001f600": "\x7f"}
    ),
    "no packages": make_receipt(environment={}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_formats_page_computes_digest_and_recipe_without_naga(tmp_path: Path, name: str) -> None:
    page = functions_of_page()
    (tmp_path / "run.lock").write_text(receipt_text(OTHERS[name]), encoding="utf-8")

    content = page["read"](tmp_path / "run.lock")

    assert page["digest_of_receipt"](content) == receipt_digest(OTHERS[name])
    assert page["recipe_of_receipt"](content) == recipe_digest(OTHERS[name])


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "receipts").rglob("*.lock")), ids=lambda path: path.stem)
def test_formats_page_computes_digest_and_recipe_of_real_receipts(path: Path) -> None:
    page = functions_of_page()
    content = page["read"](path)

    assert page["recipe_of_receipt"](content) == content["recipe"]
    for entry in content["prevs"].values():
        assert page["digest_of_receipt"](content["lineage"][entry["id"]]) == entry["digest"]
    assert page["digest_of_receipt"](content) == receipt_digest(read_receipt(path))
    assert yaml.safe_load(path.read_text(encoding="utf-8")).keys() == content.keys()
