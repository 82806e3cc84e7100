"""Putting the variables of a frame into a namespace, so that every step of it can be taken back."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Injection", "is_needed_by_the_notebook"]

_NEVER = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open"})


def is_needed_by_the_notebook(name: str) -> bool:
    """Tell whether a name is one that a notebook keeps for itself.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
        True for ``In``, ``Out``, ``get_ipython``, ``exit`` and all that begins with an underscore.
    """
    return name.startswith("_") or name in _NEVER


class Injection:
    """The variables that were put into a namespace.

    Parameters
    ----------
    namespace : dict
        It is changed at once.
    variables : mapping
        Names that the notebook needs, and names that would newly hide a builtin, are not put there.

    Attributes
    ----------
    names : list of str
        What was put there, in the order of `variables`.
    shadowed : list of str
        Those of `names` that had another value, which is kept aside.
    left : list of str
        What was not put there.
    """

    def __init__(self, namespace: dict[str, Any], variables: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._put = {name: value for name, value in variables.items() if _is_injectable(name, namespace)}
        self._aside = {
            name: namespace[name]
            for name, value in self._put.items()
            if name in namespace and namespace[name] is not value
        }
        # What was there already is the person's, and stays when the injection is taken back.
        self._added = [name for name in self._put if name not in namespace]
        self.names = list(self._put)
        self.shadowed = list(self._aside)
        self.left = [name for name in variables if name not in self._put]
        namespace.update(self._put)

    def restore(self) -> tuple[list[str], list[str]]:
        """Bring back the values that were kept aside, unless the person has given the name a new one since.

        Returns
        -------
        tuple of two lists of str
            The names whose old value is back, and those that were left alone.
        """
        back = [name for name in self._aside if self._is_untouched(name)]
        alone = [name for name in self._aside if name not in back]
        for name in back:
            self._namespace[name] = self._aside[name]
            del self._put[name]
        self._aside.clear()
        return back, alone

    def withdraw(self) -> None:
        """Take everything back: old values as by `restore`, and names that were new go away."""
        self.restore()
        for name in self._added:
            if name in self._put and self._is_untouched(name):
                del self._namespace[name]
        self._put.clear()
        self._added.clear()

    def _is_untouched(self, name: str) -> bool:
        return name in self._namespace and self._namespace[name] is self._put[name]


def _is_injectable(name: str, namespace: Mapping[str, Any]) -> bool:
    if not name.isidentifier() or is_needed_by_the_notebook(name):
        return False
    return name in namespace or not hasattr(builtins, name)
