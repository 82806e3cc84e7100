"""Manifests: the text, the cache of them, and their comparison."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from naga.errors import IntegrityError, NotFoundError
from naga.lock import manifest as manifest_module
from naga.lock.cache_place import cache_folder
from naga.lock.digest import hash_tree
from naga.lock.manifest import (
    Entry,
    Manifest,
    compare_manifests,
    hash_bytes,
    load_manifest,
    manifest_bytes,
    manifest_digest,
    parse_manifest,
    read_manifest,
    write_manifest,
)

FORMATS = Path(__file__).parents[2] / "docs" / "formats.md"
DIGEST = "xxh3_128:" + "0123456789abcdef" * 2

name_bytes = st.binary(min_size=1, max_size=12).map(lambda data: data.replace(b"\0", b"\n").replace(b"/", b"\\"))
names = name_bytes.filter(lambda name: name not in (b".", b"..")).map(os.fsdecode)
targets = st.binary(min_size=1, max_size=20).filter(lambda data: b"\0" not in data).map(os.fsdecode)
digests = st.binary(min_size=16, max_size=16).map(lambda data: f"xxh3_128:{data.hex()}")


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """Draw the entries of a tree of folders, in which files and links lie."""
    folders = [""]
    entries: dict[str, Entry] = {}
    for name, kind in draw(st.lists(st.tuples(names, st.sampled_from(["file", "dir", "link"])), max_size=12)):
        above = draw(st.sampled_from(folders))
        path = f"{above}/{name}" if above else name
        if path in entries:
            continue
        if kind == "dir":
            folders.append(path)
            entries[path] = Entry(path, "dir")
        elif kind == "link":
            entries[path] = Entry(path, "link", target=draw(targets))
        else:
            size = draw(st.integers(0, 2**63 - 1))
            entries[path] = Entry(path, "file", draw(st.booleans()), size, digest=draw(digests))
    return draw(st.permutations(list(entries.values())))


@given(trees(), st.sets(names), st.sets(names))
def test_manifest_of_any_tree_is_read_as_it_was_written(
    entries: list[Entry], include: set[str], exclude: set[str]
) -> None:
    patterns = [tuple(sorted(each, key=os.fsencode)) for each in (include, exclude)]
    data = manifest_bytes(entries, *patterns)
    found = parse_manifest(data)
    assert set(found.entries) == set(entries)
    assert (found.include, found.exclude) == tuple(patterns)
    assert manifest_bytes(*found) == data


@given(trees(), trees())
def test_manifests_of_two_trees_are_equal_only_if_the_trees_are(one: list[Entry], other: list[Entry]) -> None:
    assert (manifest_digest(one) == manifest_digest(other)) == (set(one) == set(other))


@given(st.binary(max_size=200))
def test_parser_given_anything_raises_nothing_but_its_own_error(data: bytes) -> None:
    with contextlib.suppress(IntegrityError):
        assert manifest_bytes(*parse_manifest(data)) == data


def test_manifest_lines_are_those_of_the_formats_page() -> None:
    shown = FORMATS.read_text(encoding="utf-8").split("tabs shown as `→`:\n\n```\n")[1].split("```")[0]
    script = Entry("run.sh", "file", True, 5, hash_bytes(b"true\n"))
    entries = [script, Entry("latest", "link", target="run.sh"), Entry("empty", "dir")]
    assert manifest_bytes(entries) == shown.replace("→", "\t").encode()


def test_manifest_of_names_that_look_like_lines_is_unambiguous() -> None:
    inner = Entry("b", "dir").line()
    entries = [Entry(f"a\n{inner}", "dir"), Entry("include\tx", "dir"), Entry("\\n", "dir")]
    data = manifest_bytes(entries)
    assert data.splitlines() == [
        rb"\\n" + b"\tdir\t-\t-\t-",
        rb"a\nb\tdir\t-\t-\t-" + b"\tdir\t-\t-\t-",
        rb"include\tx" + b"\tdir\t-\t-\t-",
    ]
    assert set(parse_manifest(data).entries) == set(entries)


def test_manifest_is_sorted_as_the_sort_program_does_it() -> None:
    paths = ["a", "a/b", "a-b", "a.b", "Z", "é", "\udcff", "\udc80", "中", "\x01", "a\x01"]
    lines = manifest_bytes([Entry(path, "dir") for path in paths])
    by_program = subprocess.run(["sort"], input=lines, capture_output=True, check=True, env={"LC_ALL": "C"}).stdout
    assert lines == by_program


def test_manifest_of_nothing_is_empty() -> None:
    assert manifest_digest([]) == f"xxh3_128:{xxhash.xxh3_128_hexdigest(b'')}"
    assert parse_manifest(b"") == Manifest(())


def test_patterns_change_the_digest_and_each_in_its_own_way() -> None:
    entries = [Entry("a", "dir")]
    digests = {
        manifest_digest(entries),
        manifest_digest(entries, include=["a"]),
        manifest_digest(entries, exclude=["a"]),
        manifest_digest(entries, include=["a\nexclude\ta"]),
        manifest_digest(entries, include=["a"], exclude=["a"]),
    }
    assert len(digests) == 5


@pytest.mark.parametrize(
    "line",
    [
        b"a",
        b"a\tdir\t-\t-",
        b"a\tdir\t-\t-\t-\t-",
        b"a\tdir\tx\t-\t-",
        b"a\tdir\t-\t0\t-",
        b"a\tdir\t-\t-\tb",
        b"a\tsocket\t-\t-\t-",
        b"a\tlink\t-\t-\t",
        b"a\tlink\tx\t-\tb",
        b"a\tlink\t-\t-\tb\0c",
        b"a\tfile\t-\t-\t" + DIGEST.encode(),
        b"a\tfile\t-\t007\t" + DIGEST.encode(),
        b"a\tfile\t-\t-7\t" + DIGEST.encode(),
        "a\tfile\t-\t٣\t".encode() + DIGEST.encode(),
        b"a\tfile\ty\t7\t" + DIGEST.encode(),
        b"a\tfile\t-\t7\t" + DIGEST.upper().encode(),
        b"a\tfile\t-\t7\t" + DIGEST.replace("xxh3_128", "sha256").encode(),
        b"a\tfile\t-\t7\t-",
        b"a\\x\tdir\t-\t-\t-",
        b"a\\\tdir\t-\t-\t-",
        b"\tdir\t-\t-\t-",
        b"/a\tdir\t-\t-\t-",
        b"a/\tdir\t-\t-\t-",
        b"a//b\tdir\t-\t-\t-",
        b".\tdir\t-\t-\t-",
        b"../a\tdir\t-\t-\t-",
        b"a/../../b\tdir\t-\t-\t-",
        b"a\0\tdir\t-\t-\t-",
        b"pattern\t*.csv",
        b"a\r",
    ],
)
def test_parser_given_a_malformed_line_says_which(line: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"line 2 of the manifest is malformed|out of order") as caught:
        parse_manifest(b"!\tdir\t-\t-\t-\n" + line + b"\n")
    assert caught.value.hint


@pytest.mark.parametrize(
    "lines",
    [
        [b"b\tdir\t-\t-\t-", b"a\tdir\t-\t-\t-"],
        [b"a\tdir\t-\t-\t-", b"a\tdir\t-\t-\t-"],
        [b"a\tdir\t-\t-\t-", b"a\tlink\t-\t-\tb"],
        [b"a\tdir\t-\t-\t-", b"exclude\tx"],
        [b"exclude\tx", b"include\tx"],
    ],
)
def test_parser_given_lines_out_of_order_or_twice_refuses_them(lines: list[bytes]) -> None:
    with pytest.raises(IntegrityError, match="out of order or names a path twice"):
        parse_manifest(b"".join(line + b"\n" for line in lines))


def test_parser_given_half_a_line_refuses_it() -> None:
    with pytest.raises(IntegrityError):
        parse_manifest(b"a\tdir\t-\t-\t-\nb\tdir\t-\t-\t-")


@pytest.mark.parametrize("inner", ["a/b", "a/b/c"])
def test_parser_given_an_entry_below_a_link_refuses_it(inner: str) -> None:
    entries = [Entry("a", "link", target="/etc"), Entry(inner, "dir")]
    with pytest.raises(IntegrityError, match="lies below something else than a folder"):
        parse_manifest(manifest_bytes(entries))


def test_manifest_in_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    entries = (Entry("a", "dir"), Entry("a/b", "file", True, 3, DIGEST))
    assert write_manifest(tmp_path / "manifest", entries, exclude=["x"]) == manifest_digest(entries, exclude=["x"])
    assert read_manifest(tmp_path / "manifest") == entries


def test_manifest_file_that_is_missing_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as missing:
        read_manifest(tmp_path / "missing")
    with pytest.raises(IntegrityError) as folder:
        read_manifest(tmp_path)
    assert (missing.value.path, folder.value.path) == (tmp_path / "missing", tmp_path)


def test_cache_has_the_manifest_of_a_hashed_tree(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    found = hash_tree(tmp_path, index=None)
    assert load_manifest(found.digest) == (Entry("a", "file", False, 1, hash_bytes(b"1")),)


@pytest.mark.parametrize("digest", ["", "xxh3_128:", DIGEST, DIGEST.upper(), "xxh3_128:../../../../etc/passwd", "x"])
def test_cache_asked_for_a_digest_it_does_not_have_has_none(digest: str) -> None:
    assert load_manifest(digest) is None


@pytest.mark.parametrize("damage", [b"", b"x", b"\xff" * 40])
def test_cache_with_a_damaged_manifest_has_none(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a").write_text("1")
    digest = hash_tree(tmp_path).digest
    (kept,) = (each for each in (cache_folder() / "manifests").rglob("*") if each.is_file())
    kept.write_bytes(damage)
    assert load_manifest(digest) is None
    assert hash_tree(tmp_path).digest == digest


def test_cache_without_the_manifest_of_an_unchanged_tree_gets_it_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "link").symlink_to("a")
    time.sleep(0.3)
    first = hash_tree(tmp_path)
    for kept in (cache_folder() / "manifests").rglob("*"):
        if kept.is_file():
            kept.unlink()
    assert hash_tree(tmp_path) == first
    assert [entry.path for entry in load_manifest(first.digest) or ()] == ["a", "link"]


def test_cache_that_cannot_be_written_changes_no_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    digest = hash_tree(tmp_path / "tree").digest
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "file"))
    assert hash_tree(tmp_path / "tree").digest == digest
    assert load_manifest(digest) is None


def test_cache_that_grows_too_large_loses_its_oldest_manifests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_module, "_MOST_BYTES_A_SHELF", 250)
    kept = [f"xxh3_128:00{number:030x}" for number in range(4)]
    for age, digest in enumerate(kept):
        manifest_module.keep_manifest(digest, b"x" * 100)
        place = cache_folder() / "manifests" / "00" / digest.partition(":")[2]
        os.utime(place, ns=(age, age))
    assert [manifest_module.has_manifest(digest) for digest in kept] == [False, False, True, True]


def test_comparison_says_what_is_new_gone_and_different() -> None:
    old = [
        Entry("gone", "dir"),
        Entry("same", "dir"),
        Entry("bytes", "file", digest=DIGEST),
        Entry("bit", "file", False, 0, DIGEST),
        Entry("kind", "dir"),
        Entry("target", "link", target="a"),
    ]
    new = [
        Entry("same", "dir"),
        Entry("bytes", "file", digest=hash_bytes(b"")),
        Entry("bit", "file", True, 0, DIGEST),
        Entry("kind", "link", target="same"),
        Entry("target", "link", target="b"),
        Entry("é", "dir"),
        Entry("z", "dir"),
    ]
    added, removed, changed = compare_manifests(old, iter(new))
    assert (added, removed, changed) == (["z", "é"], ["gone"], ["bit", "bytes", "kind", "target"])
