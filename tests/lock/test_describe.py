"""A receipt in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.lock.describe import describe_receipt, lineage_lines, printable, short_digest, stage_name
from naga.lock.receipt import DataEntry, ErrorEntry, PrevEntry, Receipt, RepositoryEntry
from tests.lock.samples import as_prevs, chain, digest_of, failed_receipt, make_receipt, run_id


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        ({"file": "code/fit.py", "function": "main"}, "fit"),
        ({"file": "fit.py", "function": "<module>"}, "fit"),
        ({"file": "fit.py", "function": "train"}, "fit:train"),
        ({"file": "fit.py", "function": "Trainer.train"}, "fit:train"),
        ({"file": "fit.py"}, "fit"),
        ({"file": None, "function": "train"}, "train"),
        ({}, "run"),
        ({"file": "a\x1b[31m.py", "function": "b\nc"}, "a\\x1b[31m:b\\nc"),
        ({"file": 7, "function": 7}, "7"),
    ],
)
def test_stage_name_is_script_and_function(caller: dict[str, Any], name: str) -> None:
    assert stage_name(make_receipt(caller=caller)) == name


@pytest.mark.parametrize(
    ("digest", "short"),
    [("xxh3_128:0123456789abcdef", "0123456789"), ("c" * 40, "c" * 10), (None, "none"), ("", "none")],
)
def test_short_digest_is_the_first_ten_characters(digest: str | None, short: str) -> None:
    assert short_digest(digest) == short


def test_describe_receipt_tells_everything_that_a_person_asks() -> None:
    assert describe_receipt(make_receipt(2, prevs=as_prevs([make_receipt(1)]))).splitlines() == [
        "stage_2  finished after 2.50 s",
        f"  id       {run_id(2)}",
        "  started  2024-05-01T10:00:00.000Z",
        f"  recipe   {digest_of('recipe of stage_2')}",
        "  config",
        "    param     2",
        "    rate      1e-05",
        '    names     ["a", "ü"]',
        "    save_dir  results/stage_2",
        "  code",
        f"    project  {'c' * 10} (uncommitted changes, kept in the snapshot)",
        "  data",
        f"    raw  data/raw.csv  {short_digest(digest_of('raw'))}  10 B",
        "  outputs",
        f"    out  results/stage_2/out  {short_digest(digest_of('out'))}  0 B, 0 files",
        "  prevs",
        f"    └─ prev_0001  not recorded  results/{run_id(1)}/run.lock",
    ]


def test_describe_receipt_of_a_run_that_goes_on_or_failed_says_so() -> None:
    started = Receipt(id=run_id(1), status="started", started="2024")
    assert describe_receipt(started).splitlines() == ["run  started", f"  id       {run_id(1)}", "  started  2024"]
    assert "  error    ZeroDivisionError: division by zero  (process.py:0)" in describe_receipt(failed_receipt())


def test_describe_receipt_of_code_without_snapshot_says_why() -> None:
    repos = {"a": RepositoryEntry(problem="not in a git repository"), "b": RepositoryEntry()}
    lines = describe_receipt(make_receipt(repos=repos)).splitlines()

    assert "    a  not in a git repository" in lines
    assert "    b  not recorded" in lines


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 2**30, "5.0 GiB"), (2**63 - 1, "8388608.0 TiB")],
)
def test_describe_receipt_writes_sizes_for_people(size: int, text: str) -> None:
    data = {"x": DataEntry(path="x", digest=digest_of("x"), size=size, kind="file")}

    assert any(line.endswith(f"  {text}") for line in describe_receipt(make_receipt(data=data)).splitlines())


EVIL = "\x1b[2J\x9b31m\r\n\u202ea\x00\x7f\u2028\udc80"
SPELLED = "\\x1b[2J\\x9b31m\\r\\n\\u202ea\\x00\\x7f\\u2028\\udc80"


def evil_receipt(number: int, **changes: Any) -> Receipt:
    """Return a receipt with control characters wherever its format lets text be."""
    entry = DataEntry(path=EVIL, digest=digest_of("x"), size=1, kind="file")
    return make_receipt(
        number,
        status="failed",
        started=EVIL,
        finished=EVIL,
        error=ErrorEntry(type=EVIL, message=EVIL, file=EVIL, line=1),
        caller={"file": f"{EVIL}.py", "function": EVIL},
        config={EVIL: EVIL, "list": [EVIL, {EVIL: EVIL}]},
        repos={
            EVIL: RepositoryEntry(problem=EVIL),
            "evil": RepositoryEntry(snapshot="\x1b[31mevil", commit=EVIL, branch=EVIL, url=EVIL),
        },
        data={EVIL: entry},
        outputs={EVIL: entry},
        **changes,
    )


def test_describe_receipt_spells_out_what_could_drive_a_terminal() -> None:
    one = evil_receipt(1)
    prevs = {
        EVIL: PrevEntry(id=run_id(1), digest=digest_of("x"), path=EVIL),
        "gone": PrevEntry(id=run_id(9), digest=digest_of("x"), path=EVIL),
        f"{EVIL} ": PrevEntry(id=run_id(8), digest=digest_of("x"), path=EVIL),
    }
    receipt = evil_receipt(2, prevs=prevs, lineage={run_id(1): one})

    for text in (describe_receipt(receipt), *lineage_lines(receipt)):
        assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert SPELLED in describe_receipt(receipt)
    assert len(describe_receipt(receipt).splitlines()) == 19


@given(st.text())
def test_printable_text_shows_every_character(text: str) -> None:
    shown = printable(text)

    assert shown.isprintable()
    assert printable(shown) == shown
    assert text.isprintable() == (shown == text)


def test_lineage_lines_draw_a_tree() -> None:
    one = make_receipt(1)
    two, three = make_receipt(2, prevs=as_prevs([one])), make_receipt(3, status="killed", prevs=as_prevs([one]))
    top = make_receipt(4, prevs=as_prevs([two, three]), lineage={item.id: item for item in (one, two, three)})

    assert lineage_lines(top) == [
        f"├─ stage_2  finished  results/{run_id(2)}/run.lock",
        f"│  └─ stage_1  finished  results/{run_id(1)}/run.lock",
        f"└─ stage_3  killed  results/{run_id(3)}/run.lock",
        f"   └─ stage_1  finished  results/{run_id(1)}/run.lock",
    ]


def test_lineage_lines_draw_a_stage_that_two_others_read_once() -> None:
    one = make_receipt(1)
    two = make_receipt(2, prevs=as_prevs([one]))
    both = [make_receipt(3, prevs=as_prevs([two])), make_receipt(4, prevs=as_prevs([two]))]
    top = make_receipt(5, prevs=as_prevs(both), lineage={item.id: item for item in (one, two, *both)})

    lines = lineage_lines(top)

    assert [line for line in lines if "stage_2" in line] == [
        f"│  └─ stage_2  finished  results/{run_id(2)}/run.lock",
        f"   └─ stage_2  finished  results/{run_id(2)}/run.lock (above)",
    ]
    assert sum("stage_1" in line for line in lines) == 1


def test_lineage_lines_of_a_chain_of_50_are_50_ever_further_in() -> None:
    lines = lineage_lines(chain(51))

    assert [line.index("└") for line in lines] == [3 * depth for depth in range(50)]


def test_lineage_lines_of_a_chain_of_5000_neither_fail_nor_fill_the_memory() -> None:
    lines = lineage_lines(chain(5001))

    assert len(lines) == 5000
    assert max(map(len, lines)) < 400


def test_lineage_lines_of_a_fan_in_of_200_are_200() -> None:
    receipts = [make_receipt(number) for number in range(200)]
    top = make_receipt(500, prevs=as_prevs(receipts), lineage={item.id: item for item in receipts})

    assert [line[:3] for line in lineage_lines(top)] == ["├─ "] * 199 + ["└─ "]


def test_lineage_lines_of_a_cycle_made_by_hand_come_to_an_end() -> None:
    one = make_receipt(1, prevs={"two": PrevEntry(id=run_id(2), digest=digest_of("two"), path="two")})
    two = make_receipt(2, prevs={"one": PrevEntry(id=run_id(1), digest=digest_of("one"), path="one")})
    itself = make_receipt(3, prevs={"me": PrevEntry(id=run_id(3), digest=digest_of("me"), path="me")})
    lineage = {item.id: item for item in (one, two, itself)}
    top = make_receipt(4, prevs=as_prevs([one, itself]), lineage=lineage)

    assert [line.split()[-1] for line in lineage_lines(top)][-1] == "(above)"
    assert len(lineage_lines(top)) == 5
    assert len(lineage_lines(replace(itself, lineage=lineage))) == 2
    assert describe_receipt(top).endswith("me (above)")
