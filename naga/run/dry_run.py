"""What a run would do, without doing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from naga.config.listing import config_text
from naga.config.plain import plain_config
from naga.errors import NagaError
from naga.lock.receipt import RECEIPT_NAME, read_receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from omegaconf import DictConfig

__all__ = ["describe_run"]


def describe_run(name: str, config: DictConfig, place_of: Callable[[str], str], *, lock: bool) -> str:
    """Say what a run would do; nothing is written.

    Parameters
    ----------
    name : str
        The name of the main.
    config : DictConfig
        Resolved.
    place_of : callable
        Names the place that a dotted key has its value from.
    lock : bool
        Whether the run would leave a receipt.

    Returns
    -------
    str
        YAML: the config with the place that each value is from, redacted where secret, below comments that say where
        the run would leave its receipt. It ends with a line break.
    """
    lines = [f"{name} would be run with this config", *_receipt_lines(config, lock=lock)]
    return "".join(f"# {line}\n" for line in lines) + config_text(config, place_of)


def _receipt_lines(config: DictConfig, *, lock: bool) -> list[str]:
    place = plain_config(config).get("save_dir")
    if not lock or not isinstance(place, str) or not place:
        return ["no receipt would be written"]
    path = Path(place) / RECEIPT_NAME
    try:
        receipt = read_receipt(path)
    except NagaError as error:
        if path.exists():
            return [f"receipt: {path}, which is there and cannot be read ({error}), would be replaced"]
        return [f"receipt: {path}, which is not there yet"]
    return [f"receipt: {path} would be replaced ({receipt.status}, started {receipt.started}, id {receipt.id})"]
