"""Many configs that differ in few values: put together a hundred times as fast as by merging, to the same effect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from omegaconf import AnyNode, BooleanNode, DictConfig, FloatNode, IntegerNode, OmegaConf, StringNode
from omegaconf.errors import OmegaConfBaseException

from naga.config.layers import Layer
from naga.config.plain import plain_config, plain_value
from naga.config.references import is_varied_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from naga.config.building import ConfigLayers

__all__ = ["Variants"]

_NODES = (AnyNode, BooleanNode, FloatNode, IntegerNode, StringNode)
_PLAIN = frozenset({bool, int, float, str})
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_PART = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")

_CHECKS: Final = 3
"""How many of the quick configs are compared with the merged ones before they are believed."""


class Variants:
    """The configs of tasks that set the same keys.

    Plain values go straight to their places, checked by the types of their keys; text such as ``results/${param}`` is
    filled in. Whatever is not as simple as that is merged, and so is what is wrong, for the sake of its error.

    Parameters
    ----------
    layers : ConfigLayers
        Flattened.
    keys : frozenset of str
        The dotted keys that are set.
    """

    def __init__(self, layers: ConfigLayers, keys: frozenset[str]) -> None:
        self._layers = layers
        self._keys = keys
        self._checks = _CHECKS
        self._whole: dict[str, Any] | None = None
        base = plain_value(OmegaConf.to_container(layers.schema, resolve=False, throw_on_missing=False))
        scope = layers.scope
        outside = {} if scope is None else plain_value(OmegaConf.to_container(scope.values, resolve=False))
        self._base: dict[str, Any] = {**outside, **base}
        self._nodes = {key: _node_at(layers.schema, key) for key in keys}
        own = {key.partition(".")[0] for key in keys}
        varied = [name for name in base if name not in own and is_varied_by(name, keys, self._base)]
        self._templates = {name: self._base[name] for name in varied}
        self._varied = frozenset(varied) | own
        self.is_quick = all(node is not None for node in self._nodes.values()) and all(
            isinstance(text, str) and self._is_template(name, text) for name, text in self._templates.items()
        )

    def config(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Put one config together.

        Parameters
        ----------
        values : mapping
            Dotted key -> value.

        Returns
        -------
        dict
            Plain values, as `naga.config.plain.plain_config` gives them.

        Raises
        ------
        ConfigError
            A value does not fit.
        """
        quick = self._quick(values) if self.is_quick and self._whole is not None else None
        if quick is not None and not self._checks:
            return quick
        merged = plain_config(self._layers.resolved(Layer.of_dotted("the task", values)))
        self._whole = self._whole or merged
        if quick is not None:
            self._checks -= 1
            self.is_quick = quick == merged
        return merged

    def common(self) -> dict[str, Any] | None:
        """Return what is the same in all configs.

        Returns
        -------
        dict or None
            What is written, and what has come of it. None when something depends on the keys in a way that is not seen
            through, or before the first config was put together.
        """
        if not self.is_quick or self._whole is None:
            return None
        resolved = {name: value for name, value in self._whole.items() if name not in self._varied}
        return {"written": self._base, "resolved": resolved}

    def _is_template(self, name: str, text: str) -> bool:
        """Tell whether a text is filled in with nothing but values of keys, and stays a text."""
        rest = _PART.sub("", text)
        node = self._layers.schema._get_node(name)
        is_text = isinstance(node, StringNode) or (isinstance(node, AnyNode) and bool(rest))
        return is_text and "$" not in rest and "\\" not in rest and all(map(self._is_known, _PART.findall(text)))

    def _is_known(self, key: str) -> bool:
        return key in self._keys or key in self._templates or key.partition(".")[0] not in self._varied_roots()

    def _varied_roots(self) -> set[str]:
        return {key.partition(".")[0] for key in self._keys} | set(self._templates)

    def _quick(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        assert self._whole is not None
        config = dict(self._whole)
        set_values: dict[str, Any] = {}
        for key, value in values.items():
            converted = _converted(self._nodes[key], value)
            if converted is _UNFIT:
                return None
            set_values[key] = converted
            *above, last = key.split(".")
            place = config
            for name in above:
                inner = place.get(name)
                if not isinstance(inner, dict):
                    return None
                place[name] = place = dict(inner)
            place[last] = converted
        for name in self._templates:
            text = self._filled(name, set_values, config)
            if text is None:
                return None
            config[name] = text
        return config

    def _filled(self, name: str, values: Mapping[str, Any], config: Mapping[str, Any], depth: int = 0) -> str | None:
        pieces: list[str] = []
        end = 0
        text = self._templates[name]
        for part in _PART.finditer(text):
            key = part[1]
            if key in values:
                value = values[key]
            elif key in self._templates:
                value = None if depth > len(self._templates) else self._filled(key, values, config, depth + 1)
            else:
                value = _lookup(config, key)
            if type(value) not in _PLAIN:
                return None
            pieces += [text[end : part.start()], str(value)]
            end = part.end()
        return "".join([*pieces, text[end:]])


_UNFIT = object()


def _converted(node: Any, value: Any) -> Any:
    """Return a value as the node of its key takes it, or `_UNFIT`."""
    if type(value) not in _PLAIN or (type(value) is str and ("$" in value or "\\" in value or value == "???")):
        return _UNFIT
    try:
        converted = node.validate_and_convert(value)
    except OmegaConfBaseException:
        return _UNFIT
    return converted if type(converted) in _PLAIN else _UNFIT


def _node_at(config: DictConfig, key: str) -> Any:
    """Return the node of a key that takes a plain value, or None."""
    if _NAME.fullmatch(key) is None or OmegaConf.is_readonly(config):
        return None
    *above, last = key.split(".")
    level: Any = config
    for name in above:
        level = level._get_node(name) if name in level else None
        if not isinstance(level, DictConfig) or level._is_none() or level._is_interpolation() or level._is_missing():
            return None
    node = level._get_node(last) if last in level.keys() else None  # noqa: SIM118 - a missing value is no member
    return node if type(node) in _NODES else None


def _lookup(config: Mapping[str, Any], key: str) -> Any:
    found: Any = config
    for name in key.split("."):
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    return found
