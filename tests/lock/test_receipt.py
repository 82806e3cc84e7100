"""Receipts: what is written can be read, what is not one is refused, and nobody's receipt is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
import xxhash
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from naga.errors import ConflictError, NagaError, NotFoundError, ReceiptFormatError
from naga.lock.document import SIZE_LIMIT, dump_document
from naga.lock.receipt import (
    Receipt,
    find_receipt,
    read_receipt,
    receipt_digest,
    receipt_text,
    remove_receipt,
    write_receipt,
)
from tests.lock.samples import PACKAGES, as_prevs, chain, digest_of, failed_receipt, make_receipt, run_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results" / "run.lock"


RECEIPTS = {
    "minimal": Receipt(id=run_id(1), status="started", started="2024-05-01T10:00:00.000Z"),
    "full": make_receipt(),
    "failed": failed_receipt(),
    "with lineage": chain(3),
}


@pytest.mark.parametrize("receipt", RECEIPTS.values(), ids=RECEIPTS)
def test_receipt_written_and_read_is_equal(path: Path, receipt: Receipt) -> None:
    write_receipt(path, receipt)

    assert read_receipt(path) == receipt
    assert path.read_text(encoding="utf-8") == receipt_text(receipt)


def test_receipt_text_is_for_people() -> None:
    lines = receipt_text(failed_receipt()).splitlines()

    assert lines[:3] == ["naga: 1", f"id: {run_id(1)}", f"recipe: {digest_of('recipe of stage_1')}"]
    assert "status: failed" in lines
    assert [line for line in lines if "{" in line or "null" in line] == ["prevs: {}"]


def test_receipt_entry_says_only_what_there_is_to_say() -> None:
    mapping = make_receipt().to_mapping()

    assert mapping["data"]["raw"] == {
        "path": "data/raw.csv",
        "digest": digest_of("raw"),
        "size": 10,
        "kind": "file",
    }
    assert mapping["outputs"]["out"]["files"] == 0
    assert "lineage" not in mapping
    assert "error" not in mapping
    assert failed_receipt().to_mapping()["error"]["line"] == 0


def test_write_receipt_into_missing_folders_makes_them(tmp_path: Path, hostile_path: Path) -> None:
    for folder in (tmp_path / "a" / "b", hostile_path / "c"):
        write_receipt(folder / "run.lock", make_receipt())

        assert os.listdir(folder) == ["run.lock"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_write_receipt_mode_follows_umask(path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_receipt(path, make_receipt())
        write_receipt(path, make_receipt(2), overwrite=True)
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == mode


def test_write_receipt_of_the_same_content_twice_is_fine(path: Path) -> None:
    write_receipt(path, make_receipt())
    write_receipt(path, make_receipt())

    assert read_receipt(path) == make_receipt()


def test_write_receipt_over_the_started_one_of_the_same_run_completes_it(path: Path) -> None:
    write_receipt(path, make_receipt(status="started", finished=None))
    write_receipt(path, make_receipt(status="started", finished=None, config={"more": 1}))
    write_receipt(path, make_receipt())

    assert read_receipt(path) == make_receipt()


@pytest.mark.parametrize(
    "old",
    [
        make_receipt(1),
        make_receipt(1, status="started"),
        failed_receipt(1),
        make_receipt(2, config={}),
        make_receipt(2, status="failed"),
        make_receipt(2, status="killed"),
    ],
    ids=["other run", "other run started", "other run failed", "same run finished", "same failed", "same killed"],
)
def test_write_receipt_over_other_content_is_a_conflict(path: Path, old: Receipt) -> None:
    write_receipt(path, old)
    before = path.read_bytes()

    with pytest.raises(ConflictError, match="holds the receipt of another run") as caught:
        write_receipt(path, make_receipt(2))

    assert caught.value.path == path
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["run.lock"]


def test_write_receipt_over_other_content_when_asked_overwrites_it(path: Path) -> None:
    write_receipt(path, make_receipt(1))
    write_receipt(path, make_receipt(2), overwrite=True)

    assert read_receipt(path) == make_receipt(2)


def test_write_receipt_over_what_is_no_receipt_is_a_conflict_unless_asked(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("naga: 1\n<<<<<<< HEAD\n")

    with pytest.raises(ConflictError):
        write_receipt(path, make_receipt())
    assert path.read_text() == "naga: 1\n<<<<<<< HEAD\n"
    write_receipt(path, make_receipt(), overwrite=True)
    assert read_receipt(path) == make_receipt()


@pytest.mark.parametrize("overwrite", [False, True])
def test_write_receipt_over_a_folder_names_it(path: Path, overwrite: bool) -> None:
    path.mkdir(parents=True)

    with pytest.raises(OSError, match=r"run\.lock"):
        write_receipt(path, make_receipt(), overwrite=overwrite)
    assert os.listdir(path.parent) == ["run.lock"]


def test_receipt_above_a_limit_is_not_written(path: Path) -> None:
    write_receipt(path, make_receipt())

    with pytest.raises(ReceiptFormatError, match="most of them in config, is above the limit") as caught:
        write_receipt(path, make_receipt(config={"table": list(range(150_000))}), overwrite=True)
    assert caught.value.hint
    assert read_receipt(path) == make_receipt()


def test_remove_receipt_of_the_run_removes_the_file(path: Path) -> None:
    write_receipt(path, make_receipt(status="started"))
    remove_receipt(path, make_receipt())

    assert not path.exists()


def test_remove_receipt_of_another_run_or_nothing_does_nothing(path: Path, tmp_path: Path) -> None:
    remove_receipt(tmp_path / "missing" / "run.lock", make_receipt())
    remove_receipt(tmp_path / "run.lock", make_receipt())
    write_receipt(path, make_receipt(2))
    remove_receipt(path, make_receipt(1))
    path.with_name("broken.lock").write_text("no receipt")
    remove_receipt(path.with_name("broken.lock"), make_receipt(1))

    assert read_receipt(path) == make_receipt(2)
    assert path.with_name("broken.lock").exists()


def test_receipt_keeps_keys_that_it_does_not_know(path: Path) -> None:
    content = chain(2).to_mapping()
    content["new"] = {"deep": [1, {"x": None}]}
    content["extra"] = "a key of that name"
    content.update({f"key_{number}": number for number in reversed(range(20))})
    content["lineage"][run_id(1)]["new"] = 1.5
    path.parent.mkdir()
    path.write_text(dump_document(content))

    receipt = read_receipt(path)

    assert receipt.extra["new"] == {"deep": [1, {"x": None}]}
    assert receipt.extra["extra"] == "a key of that name"
    assert list(receipt.extra)[2:] == [f"key_{number}" for number in reversed(range(20))]
    assert receipt.lineage[run_id(1)].extra == {"new": 1.5}
    assert receipt.to_mapping() == content
    assert receipt_digest(receipt) != receipt_digest(chain(2))


def changed(key: str, value: Any, content: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the mapping of a receipt in which one value, at keys joined by dots, is another."""
    content = content or chain(2).to_mapping()
    *above, last = key.split(".")
    place: Any = content
    for name in above:
        place = place[run_id(1) if name == "ID" else name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("naga", 2, "its format is 2, this version of naga reads format 1"),
        ("naga", "1", "its format is '1'"),
        ("naga", True, "its format is True"),
        ("naga", 1.0, "its format is 1.0"),
        ("naga", ..., "its format is None"),
        ("lineage.ID.naga", 2, "its format is 2"),
        ("lineage.ID.naga", ..., "its format is None"),
        ("id", ..., "missing required field id"),
        ("id", "a/b", "$.id"),
        ("id", "abcd\n", "$.id"),
        ("id", "abc", "$.id"),
        ("id", 7, "$.id"),
        ("status", "done", "$.status"),
        ("started", None, "$.started"),
        ("recipe", "sha256:xyz", "$.recipe"),
        ("recipe", "md5:" + "0" * 32 + "\n", "$.recipe"),
        ("duration", "long", "$.duration"),
        ("duration", 10**400, "$.duration"),
        ("error", {"type": "E", "message": "", "line": 0.5}, "$.error.line"),
        ("config", ["a"], "$.config"),
        ("caller", None, "$.caller"),
        ("error", {"type": "E"}, "missing required field message"),
        ("data.raw", "raw.csv", "$.data"),
        ("data.raw.size", -1, "size"),
        ("data.raw.size", 10**30, "size"),
        ("data.raw.kind", "link", "kind"),
        ("data.raw.path", None, "path"),
        ("data.raw.files", "many", "files"),
        ("data.raw.include", "*.csv", "include"),
        ("data.raw.new", 1, "the entry raw of data has the unknown key new"),
        ("outputs.out.new", 1, "the entry out of outputs has the unknown key new"),
        ("repos.project.new", 1, "the entry project of repos has the unknown key new"),
        ("repos.project.dirty", "yes", "dirty"),
        ("prevs.prev_0001.new", 1, "the entry prev_0001 of prevs has the unknown key new"),
        ("prevs.prev_0001.id", "../..", "id"),
        ("lineage.ID.data.raw.new", 1, "the entry raw of data has the unknown key new"),
        ("lineage.ID.data.raw.size", 1.5, "size"),
        ("lineage", None, "lineage is not a mapping of receipts"),
        ("lineage", [], "lineage is not a mapping of receipts"),
        ("lineage.ID", [], "lineage is not a mapping of receipts"),
        ("lineage.ID.lineage", {}, "an ancestor has a lineage of its own"),
        ("lineage.ID.id", run_id(9), "an ancestor stands under the id of another"),
    ],
)
def test_receipt_with_a_wrong_value_is_refused(path: Path, key: str, value: Any, message: str) -> None:
    path.parent.mkdir()
    content = changed(key, value)
    for text in {yaml.safe_dump(content), dump_document(content) if content["lineage"] else ""} - {""}:
        path.write_text(text)

        with pytest.raises(ReceiptFormatError) as caught:
            read_receipt(path)

        assert message in str(caught.value)
        assert str(path) in str(caught.value)
        assert caught.value.path == path
        assert caught.value.hint


def test_read_receipt_where_nothing_is_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for path in (tmp_path / "run.lock", tmp_path / "missing" / "run.lock", tmp_path / "file" / "run.lock"):
        with pytest.raises(NotFoundError, match="no receipt at"):
            read_receipt(path)


def test_read_receipt_of_what_is_no_file_says_so_and_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.lock")
    (tmp_path / "folder.lock").mkdir()

    for path in (tmp_path / "pipe.lock", tmp_path / "folder.lock", Path(os.devnull), tmp_path / "x\0y.lock"):
        with pytest.raises(NotFoundError, match="cannot read the receipt"):
            read_receipt(path)


def test_read_receipt_of_a_giant_reads_no_more_than_the_limit(tmp_path: Path) -> None:
    with (tmp_path / "run.lock").open("wb") as file:
        file.truncate(2**40)

    with pytest.raises(ReceiptFormatError, match=f"above the limit of {SIZE_LIMIT}"):
        read_receipt(tmp_path / "run.lock")


def test_read_receipt_through_a_link_reads_the_receipt(path: Path, tmp_path: Path) -> None:
    write_receipt(path, make_receipt())
    (tmp_path / "latest.lock").symlink_to(path)

    assert read_receipt(tmp_path / "latest.lock") == make_receipt()


def test_receipt_digest_can_be_computed_without_naga(path: Path) -> None:
    receipt = chain(3)
    write_receipt(path, receipt)

    content = yaml.safe_load(path.read_bytes())
    del content["lineage"]
    del content["environment"]["packages"]["list"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    assert receipt_digest(receipt) == f"xxh3_128:{xxhash.xxh3_128_hexdigest(text.encode('ascii'))}"
    assert receipt_digest(read_receipt(path)) == receipt_digest(receipt)


def test_receipt_digest_leaves_out_what_has_a_digest_of_its_own() -> None:
    whole = chain(3)
    without = {"interpreter": {"version": "3.11.7"}, "packages": {"digest": digest_of("\n".join(PACKAGES))}}

    assert receipt_digest(make_receipt(3, prevs=whole.prevs)) == receipt_digest(whole)
    assert receipt_digest(make_receipt(environment=without)) == receipt_digest(make_receipt())
    assert receipt_digest(make_receipt(environment={})) != receipt_digest(make_receipt())


@pytest.mark.parametrize("key", sorted(set(make_receipt().to_mapping()) - {"naga", "id", "status", "prevs"}))
def test_receipt_digest_covers_every_key(key: str) -> None:
    other: dict[str, Any] = {"started": "later", "finished": None, "duration": 3.5, "recipe": None}

    assert receipt_digest(make_receipt(**{key: other.get(key, {})})) != receipt_digest(make_receipt())


def test_receipt_digest_of_prevs_covers_their_digests() -> None:
    one, other = make_receipt(1), make_receipt(1, config={})

    assert receipt_digest(make_receipt(2, prevs=as_prevs([one]))) != receipt_digest(
        make_receipt(2, prevs=as_prevs([other]))
    )


def test_find_receipt_of_folder_receipt_or_file_beside_it_finds_it(path: Path) -> None:
    write_receipt(path, make_receipt())
    (path.parent / "out.csv").touch()
    write_receipt(path.with_name("other.lock"), make_receipt(2))

    assert find_receipt(path.parent) == path
    assert find_receipt(path) == path
    assert find_receipt(str(path.parent / "out.csv")) == path
    assert find_receipt(path.with_name("other.lock")) == path.with_name("other.lock")


def test_find_receipt_of_what_has_none_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "out.csv").touch()

    with pytest.raises(NotFoundError, match=r"no receipt belongs to .*out\.csv") as caught:
        find_receipt(tmp_path / "out.csv")
    assert "run the stage" in str(caught.value.hint)
    with pytest.raises(NotFoundError, match=r"otu\.csv does not exist") as caught:
        find_receipt(tmp_path / "otu.csv")
    assert caught.value.hint == f"did you mean {tmp_path / 'out.csv'}?"


def assert_reader_is_safe(path: Path, content: bytes) -> None:
    """Read what may be no receipt at all: with no exception but our own, in less than a second and 200 MB."""
    path.write_bytes(content)
    receipt, seconds = read_and_clock(path)
    if seconds > 1:  # Of the processor; but the collector of a large test run may have come in between.
        receipt, seconds = read_and_clock(path)
    assert seconds < 1
    assert memory_of_reading(path) < 200 * 2**20
    if receipt is not None:
        write_receipt(path, receipt, overwrite=True)
        assert read_receipt(path) == receipt


def read_and_clock(path: Path) -> tuple[Receipt | None, float]:
    """Return the receipt, if it is one, and the time of the processor that reading took, in seconds."""
    start = time.process_time()
    try:
        receipt = read_receipt(path)
    except NagaError:
        receipt = None
    return receipt, time.process_time() - start


def memory_of_reading(path: Path) -> int:
    """Return the bytes by which this process was larger, at most, while it read; 0 where the kernel does not tell."""
    peak = Path("/proc/self/clear_refs")
    if not peak.exists():
        return 0
    peak.write_text("5")
    before = memory("VmHWM")
    with contextlib.suppress(NagaError):
        read_receipt(path)
    return memory("VmHWM") - before


def memory(key: str) -> int:
    found = re.search(rf"{key}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "run.lock"


@settings(max_examples=200)
@given(st.binary(max_size=4000))
def test_read_receipt_of_random_bytes_raises_nothing_else(place: Path, content: bytes) -> None:
    assert_reader_is_safe(place, content)


PIECES = st.sampled_from(
    [
        *("naga: 1\n", f"id: {run_id(1)}\n", "status: finished\n", "started: ''\n", "lineage:\n", f"  {run_id(2)}: "),
        *(
            '{"naga": 1}\n',
            "{",
            "}",
            "[",
            "]",
            ": ",
            "- ",
            "? ",
            ", ",
            "\n",
            "  ",
            "&a ",
            "*a",
            "!!int ",
            "<<: ",
            "|\n",
        ),
        *("'", '"', "\\", "#", "---\n", "...\n", "%YAML 9.9\n", "1e999", "0x" + "f" * 99, "1:" * 99, ".nan", "\t"),
        *("data:\n", "  x: ", "path", "digest: a:00000000\n", "\x00", "\x85", "\u2028", "\ufeff", "\U0001f600"),
    ]
)


@settings(max_examples=200)
@given(st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join))
def test_read_receipt_of_random_text_like_yaml_raises_nothing_else(place: Path, text: str) -> None:
    assert_reader_is_safe(place, text.encode("utf-8", "surrogatepass"))


@settings(max_examples=200)
@given(st.sampled_from(list(RECEIPTS.values())), st.randoms(use_true_random=False))
def test_read_receipt_of_a_mutated_receipt_raises_nothing_else(
    place: Path, receipt: Receipt, randomness: random.Random
) -> None:
    content = bytearray(receipt_text(receipt).encode())
    for _ in range(randomness.randint(1, 8)):
        start = randomness.randrange(len(content))
        end = start + randomness.choice([1, 1, 3, 50])
        other = randomness.randrange(len(content))
        content[start:end] = randomness.choice(
            [
                b"",
                randomness.randbytes(1),
                content[other : other + 40],
                b"\n",
                b'"',
                b"{",
                b": ",
                b"-",
                b"null",
                b"9" * 30,
            ]
        )
    assert_reader_is_safe(place, bytes(content))
