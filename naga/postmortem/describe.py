"""A few words on a value that is not kept itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from naga.postmortem.views import type_name

if TYPE_CHECKING:
    from naga.lock.redact import Redactor

__all__ = ["describe_value"]

_LONGEST = 80
_SHAPED = frozenset({"cupy", "jax", "jaxlib", "numpy", "pandas", "polars", "pyarrow", "scipy", "torch", "xarray"})
_SIZED = (list, tuple, dict, set, frozenset, bytearray)


def describe_value(value: Any, redactor: Redactor) -> str:
    """Describe a value in a few words.

    Parameters
    ----------
    value : object
        Only values of built-in types and of well-known libraries are asked anything; code of the person's own classes
        is not called.
    redactor : Redactor

    Returns
    -------
    str
        One line without secrets of a known shape; empty where nothing can be said.
    """
    cls = type(value)
    if value is None or cls is bool or cls is float or cls is complex:
        return repr(value)
    if cls is int:
        return repr(value) if value.bit_length() < 200 else f"{value.bit_length()} bits"
    if cls is str:
        text = redactor.text(value[: 10 * _LONGEST])
        return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...") + f", {len(value)} characters"
    if cls is bytes:
        return f"{len(value)} bytes"
    if any(cls is one for one in _SIZED):
        return f"{len(value)} items"
    if cls is os._Environ:
        return "the environment"
    return _shape(value) if type_name(value).partition(".")[0] in _SHAPED else ""


def _shape(value: Any) -> str:
    try:
        shape = f"shape {tuple(value.shape)!r}"
        return f"{shape}, {value.dtype}" if hasattr(value, "dtype") else shape
    except Exception as error:  # noqa: BLE001 - a library's error says nothing about the failure that is saved
        return f"without a shape ({type(error).__name__})"
