"""Filters as conditions of SQL, which calls back only where it cannot compare by itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from naga.catalog.ledger_rows import unpack_config
from naga.catalog.tables import path_range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from naga.catalog.filters import Filter

__all__ = ["Conditions"]


class Conditions:
    """What SQL calls back, and the conditions that make it do so.

    Attributes
    ----------
    functions : dict
        Name -> number of arguments and function, as `naga.catalog.database.Database` wants them.
    """

    def __init__(self) -> None:
        self._filters: Sequence[Filter] = ()
        self._states: Mapping[str, str] = {}
        self.functions: dict[str, tuple[int, Callable[..., Any]]] = {
            "fits": (2, self._is_fitting),
            "state_of": (1, self._state_of),
        }

    def below(
        self, root: str, filters: Sequence[Filter] = (), states: Mapping[str, str] | None = None
    ) -> tuple[str, list[Any]]:
        """Return the condition that a run lies below a folder and fulfils filters.

        Parameters
        ----------
        root : str
            Absolute.
        filters : sequence of Filter
            All of which must fit.
        states : mapping, optional
            Absolute path -> state, for filters that ask for one.

        Returns
        -------
        condition : str
            It holds until the next one is made.
        values : list
            For the question marks in it.
        """
        self._filters, self._states = filters, states or {}
        parts, values = ["path >= ? AND path < ?"], list[Any](path_range(root))
        for number, each in enumerate(filters):
            condition, wanted = _condition(each, number)
            parts.append(condition)
            values += wanted
        return " AND ".join(parts), values

    def _is_fitting(self, number: int, value: Any) -> bool:
        wanted = self._filters[number]
        return wanted.test(unpack_config(value) if wanted.column == "config" else value)

    def _state_of(self, path: bytes) -> str | None:
        return self._states.get(os.fsdecode(path))


def _condition(wanted: Filter, number: int) -> tuple[str, list[Any]]:
    if wanted.column == "state":
        return "state_of(path) = ?", [wanted.value]
    if wanted.column == "status":
        return "status = ?", [wanted.value]
    if wanted.column == "started":
        return "moment >= ?", [wanted.value]
    if wanted.column == "id":
        return "id IS NULL", []
    if wanted.column == "stage":
        # There are few stages, and each of them is asked once.
        return "stage IN (SELECT stage FROM (SELECT DISTINCT stage FROM runs) WHERE fits(?, stage))", [number]
    return "fits(?, config)", [number]
