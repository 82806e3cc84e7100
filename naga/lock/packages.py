"""The installed distributions, read from the names of their metadata folders.

The folder name `name-version.dist-info` holds what a record needs, so that a few listings of folders take the
place of `importlib.metadata`, which costs 20 ms to import and opens a file for every distribution.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.lock.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["installed_packages", "normalized_name"]

_METADATA = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}
_STEM = re.compile(r"([A-Za-z0-9][\w.-]*?)-(\d[\w.!+]*)(?:-py\d[\d.]*(?:-[\w.-]+)?)?")
_HEADER = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)


def installed_packages(paths: Iterable[str] | None = None, redactor: Redactor | None = None) -> list[str]:
    """List the distributions that the interpreter can import.

    Parameters
    ----------
    paths : iterable of str, optional
        The folders to look in, the first wins as with import; `sys.path` when not given.
    redactor : Redactor, optional
        Removes secrets from the origins; one that knows none when not given.

    Returns
    -------
    list of str
        Sorted ``name==version`` lines with normalised names. An editable, direct or version-control install
        ends with its origin: ``name==version @ git+https://host/repo@commit``. Two versions that one folder
        holds are both listed, because which of them is imported cannot be told.

    Notes
    -----
    Sources: the PyPA specifications *Recording installed projects*, *Direct URL data structure* and *Names
    and normalization*. Distributions inside zip files are not seen, nor are the folders that pip renames to
    ``~name`` when an uninstallation breaks off.

    Examples
    --------
    >>> [line.partition("==")[0] for line in installed_packages() if line.startswith("xxhash")]
    ['xxhash']
    """
    redactor = redactor or Redactor()
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys(sys.path if paths is None else paths):
        for name, lines in _packages_in(path or ".", redactor).items():
            found.setdefault(name, lines)
    return sorted(line for lines in found.values() for line in lines)


def normalized_name(name: str) -> str:
    """Write the name of a distribution in its one normal form.

    Parameters
    ----------
    name : str
        Such as ``Ruamel.Yaml_x``.

    Returns
    -------
    str
        Lower case, with single hyphens: ``ruamel-yaml-x``.
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _packages_in(folder: str, redactor: Redactor) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in _entries(folder):
        if package := _read_package(folder, entry):
            name, version = package
            origin = _origin(f"{folder}/{entry}", redactor)
            line = f"{name}=={version} @ {origin}" if origin else f"{name}=={version}"
            found.setdefault(name, []).append(line)
    return found


def _entries(folder: str) -> list[str]:
    try:
        entries = os.listdir(folder)  # noqa: PTH208 (a tenth of the time of Path.iterdir)
    except OSError:  # import, too, passes over what it cannot list
        return []
    return [entry for entry in entries if entry.endswith((".dist-info", ".egg-info")) or entry == "EGG-INFO"]


def _read_package(folder: str, entry: str) -> tuple[str, str] | None:
    stem, suffix = os.path.splitext(entry)  # noqa: PTH122 - some hundred times in each run
    metadata = _METADATA.get(suffix, "PKG-INFO")
    match = _STEM.fullmatch(stem)
    if match is None:
        return None if entry.startswith(("~", "-")) else _read_headers(Path(folder, entry), metadata)
    if suffix == ".dist-info" and not os.path.exists(f"{folder}/{entry}/{metadata}"):  # noqa: PTH110 - likewise
        return None
    return normalized_name(match[1]), match[2].replace("_", "-")


def _read_headers(folder: Path, metadata: str) -> tuple[str, str] | None:
    file = folder / metadata if folder.is_dir() else folder
    try:
        head = file.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:  # what is left of a removed distribution
        return None
    headers = dict(_HEADER.findall(head))
    return (normalized_name(headers["Name"]), headers["Version"]) if len(headers) == 2 else None


def _origin(folder: str, redactor: Redactor) -> str:
    try:
        with open(f"{folder}/direct_url.json", "rb") as file:  # noqa: PTH123 - likewise, and most have none
            content = file.read()
    except OSError:
        return ""
    import json

    try:
        return _format_origin(json.loads(content), redactor)
    except (ValueError, KeyError, TypeError, AttributeError):
        return "unreadable direct_url.json"


def _format_origin(direct_url: dict[str, Any], redactor: Redactor) -> str:
    url = redactor.text(str(direct_url["url"]))
    fragments = []
    if vcs := direct_url.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if archive := direct_url.get("archive_info"):
        hashes = archive.get("hashes") or dict([archive["hash"].split("=", 1)] if "hash" in archive else [])
        fragments += [f"{algorithm}={digest}" for algorithm, digest in sorted(hashes.items())]
    if subdirectory := direct_url.get("subdirectory"):
        fragments.append(f"subdirectory={subdirectory}")
    return "#".join([url, "&".join(fragments)]) if fragments else url
