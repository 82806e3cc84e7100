"""What may follow on the command line of a script, found without running the script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.config.arguments import OPTIONS_WITH_PAIRS, list_options
from naga.config.path_completion import complete_paths
from naga.config.static_schema import StaticKey, static_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["complete_arguments"]

_YAML = (".yml", ".yaml")
_FILES = {"config": _YAML, "overrides_path": _YAML, "slurm_config": _YAML, "tasks": ()}
_PATH_NAMES = ("path", "file", "dir", "folder")
_DEEPEST = 8


def complete_arguments(script: Path, words: Sequence[str], incomplete: str, *, root: Path | None = None) -> list[str]:
    """Complete a word of the command line of a script.

    Parameters
    ----------
    script : Path
        A Python file. It is read, not run.
    words : sequence of str
        The words between the script and the one that is being written, without their quotes.
    incomplete : str
        The beginning of the word that is being written, without its quotes; empty for a new one.
    root : Path, optional
        The folder in which its absolute imports are looked for; by default its own, as for ``python SCRIPT``.

    Returns
    -------
    list of str
        Whole words that begin with `incomplete`, each once. Options; behind ``-o`` and ``--grid`` keys as ``key=``,
        and behind ``key=`` values as ``key=value``; behind ``--config`` and the like folders, with a slash at their
        end, and files; behind ``--experiment`` nodes of the config file. What ends with ``=``, ``/`` or ``,`` goes on:
        no space belongs behind it. Empty for a script that has no `clicfg` main, or that does not exist.

    Examples
    --------
    >>> complete_arguments(Path("no_such_script.py"), [], "--")
    []
    """
    keys = static_keys(script, root)
    if keys is None:
        return []
    given = _Given.of(words)
    option, equals, value = incomplete.partition("=")
    if equals and incomplete.startswith("--") and _canonical(option) in list_options():
        found = _values(_canonical(option), _Given.of([*words, option]), value, keys)
        return _beginning(incomplete, (f"{option}={one}" for one in found))
    if given.option is None or (incomplete.startswith("-") and given.may_end):
        return _beginning(incomplete, _spelled_options(incomplete))
    return _beginning(incomplete, _values(given.option, given, incomplete, keys))


class _Given:
    """The option that a new word belongs to, and what stands between the two."""

    def __init__(self, option: str | None, behind: list[str], values: dict[str, str]) -> None:
        self.option = option
        self.behind = behind
        self.values = values

    @classmethod
    def of(cls, words: Sequence[str]) -> _Given:
        option: str | None = None
        behind: list[str] = []
        values: dict[str, str] = {}
        options = list_options()
        for word in words:
            name, equals, value = word.partition("=")
            if word.startswith("-") and _canonical(name) in options:
                option, behind = _canonical(name), [value] if equals else []
            else:
                behind.append(word)
            if option is not None and behind:
                values.setdefault(option, behind[0])
            if option is not None and _is_complete(option, behind, takes_word=options[option]):
                option = None
        return cls(option, behind, values)

    @property
    def may_end(self) -> bool:
        """Whether a new option may follow."""
        return bool(self.behind)

    def key_before(self) -> str | None:
        """Return the key of ``-o KEY VALUE`` whose value is the next word."""
        key = None
        for word in self.behind:
            key = word if key is None and "=" not in word else None
        return key


def _is_complete(option: str, behind: Sequence[str], *, takes_word: bool) -> bool:
    return bool(behind) and option not in OPTIONS_WITH_PAIRS if takes_word else True


def _canonical(option: str) -> str:
    name = option.lstrip("-").replace("-", "_")
    return "override" if option == "-o" else name


def _spelled_options(incomplete: str) -> Iterator[str]:
    yield "-o"
    yield "-h"
    for name in list_options():
        with_dashes = name.replace("_", "-")
        is_dashed = "-" in incomplete[2:] and with_dashes.startswith(incomplete[2:])
        yield f"--{with_dashes if is_dashed else name}"


def _beginning(incomplete: str, words: Iterator[str] | Sequence[str]) -> list[str]:
    return list(dict.fromkeys(word for word in words if word.startswith(incomplete) and "\n" not in word))


def _values(option: str, given: _Given, incomplete: str, keys: Sequence[StaticKey]) -> Iterator[str]:
    """Yield the values of an option."""
    if option in _FILES:
        yield from complete_paths(incomplete, _FILES[option])
    elif option in OPTIONS_WITH_PAIRS:
        key = given.key_before() if option == "override" else None
        if key is not None and "=" not in incomplete:
            yield from _values_of_key(key, incomplete, keys)
        else:
            yield from _pairs(option, incomplete, keys)
    elif option == "experiment":
        yield from _experiments(given.values.get("config"), keys)
    elif option == "task_to":
        yield from _levels(keys)
    elif option == "tasks_key":
        yield from (key.name for key in keys if key.kind.startswith(("list", "List", "tuple")))
        yield from _nodes(_content(given.values.get("config")), list)
    elif option == "install_completion":
        yield from ("bash", "zsh", "fish")


def _pairs(option: str, incomplete: str, keys: Sequence[StaticKey]) -> Iterator[str]:
    name, equals, value = incomplete.partition("=")
    if not equals:
        yield from (f"{key.name}=" for key in keys)
        return
    before, comma, last = value.rpartition(",") if option == "grid" else ("", "", value)
    for found in _values_of_key(name, last, keys):
        yield f"{name}={before}{comma}{found}"


def _values_of_key(name: str, incomplete: str, keys: Sequence[StaticKey]) -> Iterator[str]:
    key = next((one for one in keys if one.name == name), None)
    if key is None:
        return
    yield from key.values
    if not key.values and ("Path" in key.kind or key.name.lower().endswith(_PATH_NAMES)):
        yield from complete_paths(incomplete, ())


def _levels(keys: Sequence[StaticKey]) -> Iterator[str]:
    """Yield every key, those first that hold others."""
    for key in keys:
        names = key.name.split(".")
        yield from (".".join(names[:depth]) for depth in range(1, len(names) + 1))


def _experiments(config: str | None, keys: Sequence[StaticKey]) -> Iterator[str]:
    known = {key.name.split(".", 1)[0] for key in keys}
    content = _content(config)
    if isinstance(content, dict):
        yield from _nodes({name: node for name, node in content.items() if name not in known}, dict)


def _content(config: str | None) -> Any:
    """Read a config file; what cannot be read has nothing to offer, and running the script says why."""
    import yaml

    if config is None:
        return None
    try:
        text = Path(config).expanduser().read_bytes()
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None


def _nodes(content: Any, kind: type, prefix: str = "", depth: int = 0) -> Iterator[str]:
    for name, node in content.items() if isinstance(content, dict) and depth < _DEEPEST else ():
        if isinstance(node, kind):
            yield f"{prefix}{name}"
        yield from _nodes(node, kind, f"{prefix}{name}.", depth + 1)
