"""The links between the pages: each leads to a file that is there, and to a heading of it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?^ {0,3}\1[`~]*\s*?$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
INLINE = re.compile(
    r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+[\"'(][^)]*)?\s*\)"
)
REFERENCE = re.compile(r"^ {0,3}\[[^\]^]+\]:\s*<?([^\s>]+)>?", re.MULTILINE)
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)(?:\s+#+)?\s*$", re.MULTILINE)
ANCHOR = re.compile(r"<a\s+(?:id|name)=[\"']([^\"']+)[\"']")


def list_links(text: str) -> list[str]:
    """Return the targets of all links and pictures of a Markdown text, without those shown as code."""
    prose = FENCE.sub("", text)
    # A picture inside a link hides the link's own target until it is out of the way.
    pictures_first = re.sub(r"!(\[[^\]]*\]\([^)]*\))", "", prose)
    targets = [target for part in (prose, pictures_first) for target in INLINE.findall(CODE.sub("code", part))]
    return list(dict.fromkeys([*targets, *REFERENCE.findall(prose)]))


def list_anchors(text: str) -> set[str]:
    """Return the names by which the headings of a Markdown text can be linked to, as code hosts form them."""
    anchors = set(ANCHOR.findall(text))
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        twins = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", anchor) is not None for anchor in anchors)
        anchors.add(f"{slug}-{twins}" if twins else slug)
    return anchors


def is_external(target: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE) is not None


def find_broken_links(page: Path, root: Path) -> list[str]:
    """Return a line for each relative link of ``page`` that leads nowhere or out of ``root``."""
    broken = []
    for target in list_links(page.read_text(encoding="utf-8")):
        if is_external(target):
            continue
        name, _, anchor = unquote(target).partition("#")
        destination = (page.parent / name).resolve() if name else page
        if not destination.exists() or not destination.is_relative_to(root.resolve()):
            broken.append(f"{target}: no such file in the project")
        elif anchor and destination.suffix == ".md" and anchor not in list_anchors(destination.read_text("utf-8")):
            broken.append(f"{target}: no such heading")
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert find_broken_links(page, ROOT) == []


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a page beside ``other page.md``, with one link of each kind that works."""
    (tmp_path / "other page.md").write_text(
        "# The `run.lock` file, format 1\n\n## Twice\n\n## Twice\n", encoding="utf-8"
    )
    path = tmp_path / "page.md"
    path.write_text(
        "# Top\n[a](other%20page.md) [b](<other%20page.md#the-runlock-file-format-1>) [c](#top) [d](https://x.org/#y)\n"
        "[e](other%20page.md#twice-1 'title') ![f](other%20page.md) [g]\n\n[g]: other%20page.md#twice\n\n"
        "```\n[in code](nowhere.md)\n```\n`[in code](nowhere.md)`\n",
        encoding="utf-8",
    )
    return path


def test_links_that_work_are_all_seen_and_let_through(page: Path) -> None:
    assert len(list_links(page.read_text(encoding="utf-8"))) == 6
    assert find_broken_links(page, page.parent) == []


@pytest.mark.parametrize(
    "link",
    [
        "[x](nowhere.md)",
        "[x](other%20page.md#thrice)",
        "[x](#bottom)",
        "![x](nowhere.png)",
        "[![x](other%20page.md)](nowhere.md)",
        "[x]: nowhere.md",
        "[x](../../../../../../../../etc/hosts)",
    ],
)
def test_link_that_leads_nowhere_is_found(page: Path, link: str) -> None:
    page.write_text(f"{page.read_text(encoding='utf-8')}\n{link}\n", encoding="utf-8")
    assert len(find_broken_links(page, page.parent)) == 1
