"""What can be read through a question, and what cannot; who used a content."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import naga
from tests.pipelines import make_run

if TYPE_CHECKING:
    from tests.operations.conftest import Ask

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_image_of_a_run_comes_whole(project: Path, ask: Ask) -> None:
    run = make_run(project, "plot", "plot", files={"plot.svg": "<svg onload='alert(1)'/>"})
    shutil.rmtree(run.path.parent)
    run.path.parent.mkdir()
    (run.path.parent / "plot.png").write_bytes(PNG)
    shutil.rmtree(run.path.parent)
    make_run(project, "plot", "plot", files={"plot.svg": "<svg onload='alert(1)'/>"})
    found = ask("file", run="results/plot/run.lock", name="plot.svg")
    assert (found["kind"], found["media_type"], found["text"]) == ("image", "image/svg+xml", None)
    assert base64.b64decode(found["data"]) == b"<svg onload='alert(1)'/>"


def test_text_longer_than_the_head_is_cut_at_a_letter(project: Path, ask: Ask) -> None:
    make_run(project, "long", "long", text="a" + "é" * 40_000)
    found = ask("file", run="results/long/run.lock", name="out.txt")
    assert found["truncated"] is True
    assert set(found["text"]) == {"a", "é"}


def test_file_that_changed_is_marked(project: Path, ask: Ask) -> None:
    args = {"run": "results/fit-1/run.lock", "name": "model.txt"}
    assert ask("file", **args)["modified"] is False
    (project / "results" / "fit-1" / "model.txt").write_bytes(b"\0\1")
    found = ask("file", **args)
    assert (found["modified"], found["kind"], found["text"]) == (True, "binary", None)


def test_folder_of_outputs_is_listed_and_a_file_in_it_shown(ask: Ask) -> None:
    run = "results/prepare/run.lock"
    entries = ask("file", run=run, name="parts")["entries"]
    assert [entry["name"] for entry in entries] == ["0.txt", "1.txt", "2.txt"]
    assert ask("file", run=run, name="parts/1.txt")["text"] == "2"


@pytest.mark.parametrize(
    "name",
    [
        "run.lock",
        "../prepare/features.csv",
        "parts/../features.csv",
        "parts/../../../data/raw.csv",
        "parts//0.txt",
        "nope",
        "",
    ],
)
def test_name_that_is_no_output_is_not_read(ask: Ask, name: str) -> None:
    assert "error" in ask("file", run="results/prepare/run.lock", name=name)


@pytest.mark.parametrize("target", ["parts/link.txt", "parts", "features.csv"])
def test_link_in_place_of_an_output_is_refused(project: Path, tmp_path: Path, ask: Ask, target: str) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "0.txt").write_text("secret")
    place = project / "results" / "prepare" / target
    if place.is_dir():
        shutil.rmtree(place)
        place.symlink_to(secret)
    else:
        place.unlink(missing_ok=True)
        place.symlink_to(secret / "0.txt")
    for name in {target, f"{target}/0.txt"}:
        found = ask("file", run="results/prepare/run.lock", name=name)
        assert found["error"]["type"] in ("RefusedError", "NotFoundError"), found
    assert ask("file", run="results/prepare/run.lock", name=target)["error"]["type"] == "RefusedError"


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.txt", "results/../../secret.txt"])
def test_receipt_that_names_a_file_elsewhere_does_not_open_it(
    project: Path, tmp_path: Path, ask: Ask, path: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    entry = {"path": path, "digest": "xxh3_128:" + "0" * 32, "size": 6, "kind": "file"}
    run = make_run(project, "evil", "evil")
    mapping = {**run.receipt.to_mapping(), "outputs": {"out.txt": entry}}
    naga.lock.receipt.write_receipt(run.path, naga.Receipt.from_mapping(mapping), overwrite=True)
    found = ask("file", run="results/evil/run.lock", name="out.txt")
    assert found["error"]["type"] == "RefusedError"
    assert ask("run", run="results/evil/run.lock")["outputs"][0]["served"] is None


def test_fifo_in_place_of_an_output_is_refused_at_once(project: Path, ask: Ask) -> None:
    place = project / "results" / "fit-1" / "model.txt"
    place.unlink()
    os.mkfifo(place)
    assert ask("file", run="results/fit-1/run.lock", name="model.txt")["error"]["type"] == "RefusedError"


def test_uses_of_a_renamed_copy_are_those_of_the_content(project: Path, ask: Ask) -> None:
    shutil.copy(project / "results" / "prepare" / "features.csv", project / "copy.csv")
    found = ask("uses", path="copy.csv")
    assert [row["stage"] for row in found["written_by"]] == ["prepare"]
    assert [row["stage"] for row in found["read_by"]] == ["fit"] * 3
    assert ask("uses", digest=found["digest"])["read_by"] == found["read_by"]


def test_uses_of_a_file_in_a_tree_are_found(project: Path, ask: Ask) -> None:
    naga.hash_path(project / "results" / "prepare" / "parts")
    found = ask("uses", path="results/prepare/parts/1.txt")
    assert [row["stage"] for row in found["written_by"]] == ["prepare"]


def test_uses_of_what_a_link_leads_to_are_refused(project: Path, tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "secret").write_text("secret")
    (project / "link").symlink_to(tmp_path / "secret")
    assert ask("uses", path="link")["error"]["type"] == "RefusedError"


def test_receipt_behind_a_link_is_not_a_run_whoever_names_it(project: Path, tmp_path: Path, ask: Ask) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(project / "results" / "fit-1" / "run.lock", outside / "run.lock")
    (project / "link").symlink_to(outside)
    assert ask("run", run="link/run.lock")["error"]["type"] == "NotFoundError"
    (project / ".git" / "run.lock").write_bytes((outside / "run.lock").read_bytes())
    assert ask("run", run=".git/run.lock")["error"]["type"] == "NotFoundError"


@pytest.fixture(scope="module")
def librarian(built: Path) -> naga.Librarian:
    return naga.Librarian(built, max_age=60)


@given(
    path=st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(["..", ".", "", "results", "fit-1", "run.lock", "etc", "\0", "a" * 300]), max_size=8
        ).map("/".join),
    )
)
def test_any_path_from_outside_is_answered_or_refused(librarian: naga.Librarian, path: str) -> None:
    for op, args in (
        ("run", {"run": f"{path}/run.lock"}),
        ("uses", {"path": path}),
        ("file", {"run": "results/fit-1/run.lock", "name": path}),
    ):
        found = naga.answer_from(librarian, op, args)
        inside = found.get("path")
        assert "error" in found or inside in (None, *path_spellings(path))


def path_spellings(path: str) -> tuple[str, ...]:
    return path, f"{path}/run.lock", f"results/fit-1/{path}", "results/fit-1/run.lock"
