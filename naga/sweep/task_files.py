"""Files of tasks: text, YAML, JSON and CSV, each as rows with the line on which they stand."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from naga.config.yaml_values import ValueLoader, read_value
from naga.errors import ConfigFileError, NotFoundError
from naga.lock.project import nearest_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Row", "read_task_file"]

_STANDARD_INPUT = "-"
_LIST = "write one item a task: - VALUE, or - {KEY: VALUE}"
_JSON_LIST = "write [VALUE, VALUE] or [{...}, {...}]"
_ANCHOR = re.compile(r"[\s,:\[{]&")
_BREAKS = frozenset("\n\x85\u2028\u2029")
_SPACE = re.compile(r"\s*")


class Row(NamedTuple):
    """What stands on one line of a file of tasks.

    Attributes
    ----------
    value : object
        A value, or a mapping of keys to values.
    line : int
        Counted from 1.
    """

    value: Any
    line: int


def read_task_file(file: str) -> tuple[str, list[Row]]:
    """Read a file of tasks.

    Parameters
    ----------
    file : str
        A path, or ``-`` for standard input, which is read as text. What the name ends with says what the file is:
        ``.yml`` and ``.yaml``, ``.json``, ``.csv`` and ``.tsv``; everything else is text.

    Returns
    -------
    name : str
        How errors name the file.
    rows : list of Row
        At least one.

    Raises
    ------
    NotFoundError
        There is no such file, or it cannot be read.
    ConfigFileError
        It is not UTF-8, not of the form that its name promises, or holds no task; the message names the line.
    """
    name = "standard input" if file == _STANDARD_INPUT else file
    text = _decoded(_content(file), name)
    ending = "" if file == _STANDARD_INPUT else Path(file).suffix.lower()
    try:
        rows = list(_READERS.get(ending, _text_rows)(text, name))
    except RecursionError as error:
        raise ConfigFileError(f"{name} is nested too deeply", hint="a task is a value or a mapping") from error
    if not rows:
        hint = "write one value a line; blank lines and those that begin with # do not count"
        raise ConfigFileError(f"{name} holds no tasks", hint=hint)
    return name, rows


def _content(file: str) -> bytes:
    if file == _STANDARD_INPUT:
        return sys.stdin.buffer.read()
    path = Path(file)
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        found = nearest_path(path)
        hint = f"did you mean {found}?" if found else "--tasks takes a file, or - for standard input"
        raise NotFoundError(f"no file of tasks {path}", hint=hint, path=path) from error
    except OSError as error:
        raise NotFoundError(f"cannot read the tasks in {path}: {error.strerror}", path=path) from error


def _decoded(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = "save it as UTF-8; text with a byte order mark of UTF-16 is none"
        raise ConfigFileError(f"{name}:{line} is not UTF-8", hint=hint) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text_rows(text: str, name: str) -> Iterator[Row]:
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if len(lines) == 1 and "\\n" in lines[0][1] and not lines[0][1].startswith(('"', "'")):
        hint = "echo of bash writes it so: use printf '1\\n2\\n'; where it is meant, put the value into single quotes"
        raise ConfigFileError(f"{name}:{lines[0][0]} is one line with a literal \\n in it", hint=hint)
    for number, line in lines:
        yield Row(_value(line, f"{name}:{number}"), number)


def _value(text: str, place: str) -> Any:
    try:
        return read_value(text)
    except (yaml.YAMLError, ValueError) as error:
        # The value itself is not shown: it may be secret.
        hint = "put it into quotes, as in 'VALUE'"
        raise ConfigFileError(f"{place} is not valid YAML: {_problem(error)}", hint=hint) from error


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or str(error).splitlines()[0])


def _yaml_rows(text: str, name: str) -> Iterator[Row]:
    rows = _yaml_apart(text)
    return iter(rows) if rows is not None else _yaml_items(text, name)


def _yaml_apart(text: str) -> list[Row] | None:
    """Read the items of a list one by one; None when the text is no such list, or an item does not stand for itself.

    A parser of the whole takes three times as long and keeps the nodes of all items at once. What spans items, such as
    an alias, is wrong in an item alone.
    """
    rows = []
    for line, block in _blocks(text):
        item = block[2:].strip()
        if not block.startswith("- ") or _ANCHOR.search(block):
            return None
        try:
            if not item or item[0] in "#&|>-." or not _BREAKS.isdisjoint(item):
                (value,) = yaml.load(block, Loader=ValueLoader)  # noqa: S506 - derived from the safe loader
            else:
                value = read_value(item)
        except (yaml.YAMLError, ValueError, TypeError):
            return None
        rows.append(Row(value, line))
    return rows


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield what begins at the left margin, up to the next that does, each with its first line."""
    block, first = "", 0
    for number, line in enumerate(io.StringIO(text), 1):
        if line[0] in " #\n" and (block or not line.strip() or line[0] == "#"):
            block += line if block else ""
            continue
        if block:
            yield first, block
        block, first = line, number
    if block:
        yield first, block


def _yaml_items(text: str, name: str) -> Iterator[Row]:
    loader = ValueLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            raise ConfigFileError(f"{name}:{node.start_mark.line + 1} must be a list of tasks", hint=_LIST)
        # Aliases may point into other items, which are therefore built in one go.
        values = loader.construct_document(node)
        yield from (Row(value, item.start_mark.line + 1) for value, item in zip(values, node.value, strict=True))
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ConfigFileError(f"{name}{line} is not valid YAML: {_problem(error)}") from error
    finally:
        loader.dispose()


def _json_rows(text: str, name: str) -> Iterator[Row]:
    line, counted = 1, 0
    begin = _skip(text, 0)
    if text[begin : begin + 1] not in ("", "["):
        line += text.count("\n", 0, begin)
        raise ConfigFileError(f"{name}:{line} must be a list", hint=_JSON_LIST)
    try:
        for value, position in _json_items(text):
            line, counted = line + text.count("\n", counted, position), position
            yield Row(value, line)
    except json.JSONDecodeError as error:
        raise ConfigFileError(f"{name}:{error.lineno} is not valid JSON: {error.msg}", hint=_JSON_LIST) from error
    except ValueError as error:
        raise ConfigFileError(f"{name}, behind line {line}, is not valid JSON: {error}") from error


def _json_items(text: str) -> Iterator[tuple[Any, int]]:
    """Yield the items of a list, each with its position, which a parser of the whole would not tell."""
    decode = json.JSONDecoder(object_pairs_hook=_without_twins).raw_decode
    position = _skip(text, 0)
    if position == len(text):
        return
    position = _skip(text, position + 1)
    if text[position : position + 1] != "]":
        position -= 1
        mark = ","
        while mark == ",":
            start = _skip(text, position + 1)
            value, following = decode(text, start)
            yield value, start
            position = _skip(text, following)
            mark = text[position : position + 1]
        if mark != "]":
            raise json.JSONDecodeError("a comma or the end of the list was expected", text, position)
    if (position := _skip(text, position + 1)) < len(text):
        raise json.JSONDecodeError("there is something behind the list", text, position)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    assert match is not None
    return match.end()


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in names if names.count(key) > 1)} stands twice")
    return made


def _csv_rows(text: str, name: str, delimiter: str = ",") -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            place = f"{name}:{line}"
            if header and any(cells):
                _check_width(cells, header, place)
                values = [_value(cell, f"{place}, column {key}") for key, cell in zip(header, cells, strict=True)]
                yield Row(dict(zip(header, values, strict=True)), line)
            elif any(cells):
                header = _checked_header([cell.strip() for cell in cells], place)
            line = reader.line_num + 1
    except csv.Error as error:
        raise ConfigFileError(f"{name}:{line} is not valid CSV: {error}") from error


def _checked_header(header: list[str], place: str) -> list[str]:
    hint = "the first line holds the key that each column sets"
    if not all(header):
        raise ConfigFileError(f"{place}: column {header.index('') + 1} has no name", hint=hint)
    for key in header:
        if header.count(key) > 1:
            raise ConfigFileError(f"{place}: there are two columns {key}", hint=hint)
    return header


def _check_width(cells: list[str], header: list[str], place: str) -> None:
    if len(cells) != len(header):
        hint = "put a value that holds a comma into double quotes"
        raise ConfigFileError(f"{place} has {len(cells)} values for {len(header)} columns", hint=hint)


def _tsv_rows(text: str, name: str) -> Iterator[Row]:
    return _csv_rows(text, name, "\t")


_READERS: dict[str, Callable[[str, str], Iterator[Row]]] = {
    ".yml": _yaml_rows,
    ".yaml": _yaml_rows,
    ".json": _json_rows,
    ".csv": _csv_rows,
    ".tsv": _tsv_rows,
}
