"""Code that runs from a copy: which checkout stands for which repository.

A sweep on a cluster runs from the checkout of a snapshot, so that what is edited meanwhile does not change it. Its
receipts speak of the repository all the same: paths in the checkout are written down as those of the repository, and
the state of the repository is the one that was frozen.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["FrozenCode", "checkout_of", "frozen_codes", "home_of", "run_frozen"]

_VARIABLE = "NAGA_FROZEN"
"""Holds the frozen code as JSON, so that processes that a run starts know of it too."""

_INSTALLED = ("/site-packages/", "/dist-packages/")


class FrozenCode(NamedTuple):
    """A checkout that stands for a repository.

    Attributes
    ----------
    root : str
        Absolute top of the person's working tree.
    checkout : str
        Absolute top of the checkout.
    state : mapping
        What receipts say of the repository: the values of a `naga.lock.receipt.RepositoryEntry`.
    """

    root: str
    checkout: str
    state: Mapping[str, Any]


def run_frozen(codes: Iterable[FrozenCode]) -> None:
    """Let this process, and those that it starts, run from checkouts from now on.

    Parameters
    ----------
    codes : iterable of FrozenCode
        Empty when code runs from where it lies.

    Notes
    -----
    Whatever is imported from the repositories afterwards comes from the checkouts, also where an installation in
    development mode leads to the repository.
    """
    content = [code._asdict() for code in codes]
    if not content:
        os.environ.pop(_VARIABLE, None)
        return
    os.environ[_VARIABLE] = json.dumps(content)
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if any(inherited):
        os.environ["PYTHONPATH"] = os.pathsep.join(map(checkout_of, inherited))
    sys.path[:] = dict.fromkeys(map(checkout_of, sys.path))


def frozen_codes() -> tuple[FrozenCode, ...]:
    """Return the checkouts that this process runs from.

    Returns
    -------
    tuple of FrozenCode
    """
    text = os.environ.get(_VARIABLE)
    return _parsed(text) if text else ()


def home_of(path: str) -> str:
    """Return the path in the person's repository that a path in a checkout stands for.

    Parameters
    ----------
    path : str
        Absolute.

    Returns
    -------
    str
        The same path when it is in no checkout.
    """
    for code in frozen_codes():
        for checkout in (code.checkout, os.path.realpath(code.checkout)):
            if path == checkout or path.startswith(f"{checkout}/"):
                return code.root + path[len(checkout) :]
    return path


def checkout_of(path: str) -> str:
    """Return the place in a checkout of code that is imported from a repository.

    Parameters
    ----------
    path : str
        A folder or a file.

    Returns
    -------
    str
        The same path when it is in no repository that is frozen, or in an environment that lies in one.
    """
    absolute = os.path.abspath(path)  # noqa: PTH100 - links are kept
    if not path or any(part in f"{absolute}/" for part in _INSTALLED):
        return path
    for code in frozen_codes():
        for root in (code.root, os.path.realpath(code.root)):
            if f"{absolute}/".startswith(f"{root}/") and not _is_of_environment(absolute, root):
                return code.checkout + absolute[len(root) :]
    return path


def _is_of_environment(path: str, root: str) -> bool:
    return any(
        f"{prefix}/".startswith(f"{root}/") and f"{path}/".startswith(f"{prefix}/")
        for prefix in (sys.prefix, sys.base_prefix)
    )


@cache
def _parsed(text: str) -> tuple[FrozenCode, ...]:
    return tuple(FrozenCode(**content) for content in json.loads(text))
