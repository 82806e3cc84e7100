"""Which keys of a config were given another value than their default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from naga.config.plain import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga.config.building import ConfigLayers

__all__ = ["changed_defaults", "nested_values"]


def changed_defaults(layers: ConfigLayers) -> dict[str, Any]:
    """Return the defaults of those keys that were given another value.

    Parameters
    ----------
    layers : ConfigLayers

    Returns
    -------
    dict
        Nested as the config is: the plain default of each such key, ``???`` where there was none. A default that is
        an interpolation has changed when another text stands in its place, whatever it leads to.
    """
    before = dict(_leaves(_plain(layers.schema)))
    after = dict(_leaves(_plain(layers.merged())))
    return nested_values({key: before.get(key) for key, value in after.items() if before.get(key, ...) != value})


def nested_values(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Turn the names along the way to each value into nested mappings.

    Parameters
    ----------
    values : mapping
        Names -> value.

    Returns
    -------
    dict

    Examples
    --------
    >>> nested_values({("model", "lr"): 1, ("model", "depth"): 2, ("seed",): 3})
    {'model': {'lr': 1, 'depth': 2}, 'seed': 3}
    """
    nested: dict[str, Any] = {}
    for (*parents, name), value in values.items():
        place = nested
        for parent in parents:
            found = place.setdefault(parent, {})
            # A value of its own for the whole mapping, and one for a key in it: the later wins.
            place[parent] = place = found if type(found) is dict else {}
        place[name] = value
    return nested


def _plain(config: Any) -> Any:
    return plain_value(OmegaConf.to_container(config, resolve=False))


def _leaves(value: Any, inside: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*inside, str(key)))
    else:
        yield inside, value
