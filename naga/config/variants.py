"""Many configs that differ in few values: put together a hundred times as fast as by merging, to the same effect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from omegaconf import AnyNode, DictConfig, OmegaConf, StringNode
from omegaconf.errors import OmegaConfBaseException

from naga.config.conversion import UNFIT, converter_of, node_at
from naga.config.layers import Layer
from naga.config.plain import plain_config, plain_value
from naga.config.references import varied_places
from naga.config.resolution import opened_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from naga.config.building import ConfigLayers

__all__ = ["Variants"]

_PART = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")

_TEXTS = frozenset({bool, int, float, str})

_CHECKS: Final = 3
"""How many of the quick configs are compared with the merged ones before they are believed."""


class Variants:
    """The configs of tasks that set the same keys.

    Values go straight to their places, converted by the types of their keys; text such as ``results/${param}`` is
    filled in. Interpolations of another kind are resolved by OmegaConf in one config, in which the values are exchanged
    from task to task. Whatever does not fit into that is merged, and so is what is wrong, for the sake of its error.

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
        self._converters = {key: converter_of(node_at(layers.schema, key)) for key in keys}
        varied = varied_places(keys, self._base)
        self._templates = {key: _at(self._base, key) for key in varied if self._is_template(key, varied)}
        self._looked_up = [key for key in varied if key.partition(".")[0] in base and key not in self._templates]
        self._pieces: dict[str, list[str]] = {}
        self._fixed: dict[str, str] = {}
        self._live: DictConfig | None = None
        self.is_quick = self._can_be_quick()

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
        resolved = self._layers.resolved(Layer.of_dotted("the task", values))
        merged = plain_config(resolved)
        if self._whole is None:
            self._begin(resolved, merged)
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
        if not self.is_quick or self._whole is None or self._looked_up:
            return None
        varied = {key.partition(".")[0] for key in (*self._keys, *self._templates)}
        resolved = {name: value for name, value in self._whole.items() if name not in varied}
        return {"written": self._base, "resolved": resolved}

    def _can_be_quick(self) -> bool:
        if any(converter is None for converter in self._converters.values()):
            return False
        if any(node_at(self._layers.schema, key) is None for key in self._looked_up):
            return False
        # Under its full name, the experiment is a copy of the config, which exchanging values does not change.
        scope = self._layers.scope
        experiment = scope.experiment.partition(".")[0] if scope is not None and scope.experiment else None
        return experiment is None or not any(
            experiment in str(_at(self._base, key)) for key in (*self._templates, *self._looked_up)
        )

    def _is_template(self, key: str, varied: Sequence[str], inside: tuple[str, ...] = ()) -> bool:
        """Tell whether a text is filled in with nothing but single values, and stays a text."""
        text, node = _at(self._base, key), node_at(self._layers.schema, key)
        if not isinstance(text, str) or not isinstance(node, StringNode | AnyNode) or key in inside:
            return False
        rest = _PART.sub("", text)
        if "$" in rest or "\\" in rest or (isinstance(node, AnyNode) and not rest):
            return False
        return all(
            name in self._keys
            or (
                self._is_template(name, varied, (*inside, key))
                if name in varied
                else _is_apart(name, self._keys, varied)
            )
            for name in _PART.findall(text)
        )

    def _begin(self, resolved: DictConfig, merged: dict[str, Any]) -> None:
        """Take over what all configs have in common from the first one."""
        self._whole = merged
        names = {name for text in self._templates.values() for name in _PART.findall(text)}
        fixed = {name: OmegaConf.select(resolved, name) for name in names - self._keys - self._templates.keys()}
        if any(value is None or OmegaConf.is_config(value) for value in fixed.values()):
            self._looked_up += self._templates
            self._templates.clear()
        for key, text in self._templates.items():
            # Literal text and names in turn, beginning and ending with text.
            self._pieces[key] = _PART.split(text)
        self._fixed = {name: str(value) for name, value in fixed.items()}

    def _quick(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Put a config together without merging; None where that does not do."""
        assert self._whole is not None
        config = dict(self._whole)
        converted: dict[str, Any] = {}
        for key, value in values.items():
            convert = self._converters[key]
            made = UNFIT if convert is None else convert(value)
            if made is UNFIT or not _put(config, key, plain_value(made)):
                return None
            converted[key] = made
        for key in self._templates:
            text = self._filled(key, converted)
            if text is None or not _put(config, key, text):
                return None
        return config if not self._looked_up or self._look_up(config, converted) else None

    def _filled(self, key: str, values: Mapping[str, Any]) -> str | None:
        if key in self._fixed:
            return self._fixed[key]
        if key in values:
            return str(values[key]) if type(values[key]) is not list else None
        pieces = self._pieces[key]
        if len(pieces) == 3 and not pieces[0] and not pieces[2] and type(values.get(pieces[1], "")) not in _TEXTS:
            return None
        filled = [piece if index % 2 == 0 else self._filled(piece, values) for index, piece in enumerate(pieces)]
        return None if None in filled else "".join(filled)  # type: ignore[arg-type]

    def _look_up(self, config: dict[str, Any], values: Mapping[str, Any]) -> bool:
        """Let OmegaConf resolve what is more than text that is filled in."""
        if self._live is None:
            self._live = opened_config(self._layers.schema, self._layers.scope)
        OmegaConf.clear_cache(self._live)
        try:
            for key, value in values.items():
                node_at(self._live, key)._set_value(value)
            for key in self._looked_up:
                above, _, last = key.rpartition(".")
                level: Any = node_at(self._live, above) if above else self._live
                if not _put(config, key, plain_value(level[last])):
                    return False
        except OmegaConfBaseException:
            return False
        return True


def _at(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for name in key.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _is_apart(name: str, keys: Iterable[str], varied: Iterable[str]) -> bool:
    """Tell whether what is at a key is neither in, nor around, what differs from task to task."""
    return not any(f"{one}.".startswith(f"{name}.") or f"{name}.".startswith(f"{one}.") for one in (*keys, *varied))


def _put(config: dict[str, Any], key: str, value: Any) -> bool:
    """Set a dotted key of a config whose levels are shared with others, which keep theirs."""
    *above, last = key.split(".")
    for name in above:
        inner = config.get(name)
        if not isinstance(inner, dict):
            return False
        config[name] = config = dict(inner)
    config[last] = value
    return True
