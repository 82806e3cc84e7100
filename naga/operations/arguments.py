"""The arguments of operations: they come from a browser, so each is checked before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from naga.errors import UsageError, nearest
from naga.lock.describe import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Argument", "check_arguments"]

_LONGEST: Final = 4096
"""Characters of a text."""


@dataclass(frozen=True, slots=True)
class Argument:
    """What an argument may be.

    Attributes
    ----------
    kind : {"text", "number", "flag"}
        A number is an integer; numbers and flags may also be given as text, as they stand in the query of a URL.
    default : object
        The value when it is not given; ``...`` for one that must be.
    lowest, highest : int
        Of a number.
    choices : tuple of str
        Of a text, when not everything goes.
    """

    kind: Literal["text", "number", "flag"]
    default: Any = ...
    lowest: int = 0
    highest: int = 2**31
    choices: tuple[str, ...] = ()


def check_arguments(op: str, known: Mapping[str, Argument], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments of an operation.

    Parameters
    ----------
    op : str
        Its name.
    known : mapping
        Name -> what it may be.
    given : mapping
        Name -> value, from anybody.

    Returns
    -------
    dict
        Every known name -> value, those that were not given with their defaults.

    Raises
    ------
    UsageError
        An argument is unknown, missing, of another kind, too long or too large; `key` names it.
    """
    if not isinstance(given, dict):
        raise UsageError(f"the arguments of {op} are not a mapping")
    for name in given:
        if name not in known:
            meant = nearest(str(name)[:100], known)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known) or 'none'}"
            raise UsageError(f"{op} has no argument {printable(str(name)[:100])}", hint=hint, key=str(name)[:100])
    checked = {}
    for name, argument in known.items():
        value = given.get(name)
        if value is None:
            if argument.default is ...:
                raise UsageError(f"{op} needs the argument {name}", hint="docs/operations.md lists them", key=name)
            value = argument.default
        else:
            value = _CHECKS[argument.kind](f"the argument {name} of {op}", argument, value)
        checked[name] = value
    return checked


def _check_text(what: str, argument: Argument, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{what} is not a text")
    if len(value) > _LONGEST or "\0" in value:
        raise UsageError(f"{what} is longer than {_LONGEST} characters, or has a zero byte in it")
    if argument.choices and value not in argument.choices:
        hint = f"there are {', '.join(argument.choices)}"
        raise UsageError(f"{what} is {printable(value[:100])!r}", hint=hint)
    return value


def _check_number(what: str, argument: Argument, value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{what} is not a whole number")
    if not argument.lowest <= value <= argument.highest:
        raise UsageError(f"{what} is {value}, which is not from {argument.lowest} to {argument.highest}")
    return value


def _check_flag(what: str, _: Argument, value: Any) -> bool:
    found = {"true": True, "false": False}.get(value) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise UsageError(f"{what} is neither true nor false")
    return found


_CHECKS = {"text": _check_text, "number": _check_number, "flag": _check_flag}
