"""The notebook's side of naga: magics and rich displays."""

from __future__ import annotations

from typing import Any

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

_ATTRIBUTE = "_naga_extension"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell ``jupyter server`` what to load."""
    from naga_ipython.server.app import NagaServer

    return [{"module": "naga_ipython.server.app", "app": NagaServer}]


def load_ipython_extension(shell: Any) -> None:
    """Give a shell the magics and displays of naga; loading twice changes nothing.

    Parameters
    ----------
    shell : InteractiveShell
    """
    if getattr(shell, _ATTRIBUTE, None) is None:
        from naga_ipython.extension import Extension

        setattr(shell, _ATTRIBUTE, Extension(shell))


def unload_ipython_extension(shell: Any) -> None:
    """Take everything back that loading gave.

    Parameters
    ----------
    shell : InteractiveShell
    """
    extension = getattr(shell, _ATTRIBUTE, None)
    if extension is not None:
        extension.remove()
        delattr(shell, _ATTRIBUTE)
