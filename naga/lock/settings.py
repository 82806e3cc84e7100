"""The settings that a team shares: ``naga.toml`` at the root of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from naga.errors import ConfigFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CompareRule", "Settings", "read_settings"]

SETTINGS_NAME = "naga.toml"


class CompareRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a rerun compares the outputs that a pattern matches.

    Attributes
    ----------
    pattern : str
        As for the patterns of trees, relative to the ``save_dir``.
    kind : {"bytes", "text", "numbers"}
        Bit for bit; text apart from white space at line ends; or numbers within a tolerance and all other text equal.
    rtol, atol : float
        The relative and the absolute tolerance of numbers.
    """

    pattern: str
    kind: str = "bytes"
    rtol: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    atol: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``naga.toml`` says.

    Attributes
    ----------
    code : tuple of str
        Files that count as used by every run besides those that it imports: patterns relative to the root.
    readable : tuple of str
        Names that look secret but are not, and are never redacted.
    compare : tuple of CompareRule
        The first rule that matches an output counts.
    """

    code: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    compare: tuple[CompareRule, ...] = msgspec.field(default=())

    def code_files(self, root: Path) -> list[Path]:
        """Find the files that `code` names.

        Parameters
        ----------
        root : Path
            The root of the project.

        Returns
        -------
        list of Path
            Sorted; of a folder that a pattern fits, all files in it.
        """
        fitting = {path for pattern in self.code for path in root.glob(pattern)}
        inner = {path for folder in fitting if folder.is_dir() for path in folder.rglob("*")}
        return sorted(path for path in fitting | inner if path.is_file())


def read_settings(root: Path) -> Settings:
    """Read the settings of a project.

    Parameters
    ----------
    root : Path
        The root of the project.

    Returns
    -------
    Settings
        All defaults where there is no ``naga.toml``.

    Raises
    ------
    ConfigFileError
        The file is not TOML, or a key of it is unknown or of the wrong type; the message names the key.
    """
    path = root / SETTINGS_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileError(f"cannot read {path}: {error}", path=path) from error
    import tomllib

    try:
        content = tomllib.loads(text)
        unknown = content.keys() - set(Settings.__struct_fields__)
        if unknown:
            known = ", ".join(Settings.__struct_fields__)
            raise ConfigFileError(f"unknown key {min(unknown)!r} in {path}", hint=f"known keys: {known}", path=path)
        settings = msgspec.convert(content, Settings)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        message = str(error).replace("`", "")
        raise ConfigFileError(f"{path} is not valid: {message}", path=path) from error
    outside = next((each for each in settings.code if not each or each[0] in "/~" or ".." in each.split("/")), None)
    if outside is not None:
        hint = "write patterns relative to the root, such as templates/*.txt"
        raise ConfigFileError(f"{path} is not valid: code names {outside!r}", hint=hint, path=path, key="code")
    return settings
