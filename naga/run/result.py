"""What came of running a script in this process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from omegaconf import DictConfig

    from naga.lock.receipt import Receipt

__all__ = ["RunResult", "last_run", "note_result"]

_last: list[RunResult] = []


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of running a script.

    Attributes
    ----------
    script : Path
        The script.
    config : DictConfig or None
        The config of its main, if that is a `clicfg` main.
    value : object
        What the main returned.
    receipt : Receipt or None
        The receipt of the run.
    receipt_path : Path or None
        Where it lies.
    duration : float
        Seconds.
    defaults : mapping
        The defaults of those keys of the config that were given another value, nested as the config is; redacted
        where secret.
    ns : dict
        The variables of the script when it ended.
    """

    script: Path
    config: DictConfig | None
    value: Any
    receipt: Receipt | None
    receipt_path: Path | None
    duration: float
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ns: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        lines = [f"{self.script.name}: {self.receipt.status if self.receipt else 'finished'} in {self.duration:.2f} s"]
        config = ", ".join(f"{key}={value!r}" for key, value in self.shown_config().items())
        if config:
            lines.append(f"config: {_shortened(config)}")
        if self.defaults:
            changed = ", ".join(f"{key} (default {value!r})" for key, value in self.defaults.items())
            lines.append(f"changed: {_shortened(changed)}")
        if self.value is not None:
            lines.append(f"value: {_shortened(repr(self.value))}")
        if self.receipt_path is not None:
            lines.append(f"receipt: {os.path.relpath(self.receipt_path)}")
        return "\n".join(lines)

    def shown_config(self) -> dict[str, Any]:
        """Return the config as it may be shown.

        Returns
        -------
        dict
            Plain values, redacted where secret; empty for a script without a `clicfg` main.
        """
        if self.receipt is not None:
            return dict(self.receipt.config)
        from naga.config.plain import plain_config
        from naga.lock.redact import Redactor

        shown: dict[str, Any] = Redactor().value(plain_config(self.config))
        return shown


def note_result(result: RunResult) -> RunResult:
    """Remember the result of a script that has just ended.

    Parameters
    ----------
    result : RunResult

    Returns
    -------
    RunResult
        The same.
    """
    _last[:] = [result]
    return result


def last_run() -> RunResult | None:
    """Return the result of the last script that ended well in this process; it is ``naga.last_run``.

    Returns
    -------
    RunResult or None
        None when no script has ended yet.
    """
    return _last[0] if _last else None


def _shortened(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
