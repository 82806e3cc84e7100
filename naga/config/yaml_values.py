"""Single values as OmegaConf's dotlists read them: YAML in which ``1e-3`` is a number and a date is text."""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["ValueLoader", "read_value"]

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Words of one piece, which YAML reads as text or as a plain number, and no other way.
_PLAIN = re.compile(r"[A-Za-z0-9_./+](?: ?[A-Za-z0-9_./+@-])*")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?[0-9]{1,17}\.[0-9]{1,17}")
_MERGE = "tag:yaml.org,2002:merge"


class ValueLoader(_Base):  # type: ignore[misc]
    """A safe loader of YAML that takes for a number what OmegaConf takes for one, and refuses a key that stands twice.

    Notes
    -----
    OmegaConf's own loader refuses what has more than 10,000 nodes since version 2.4, which a list of tasks may well
    have. Expressions of floats: ``get_yaml_loader`` of OmegaConf.
    """

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Lay merged mappings (``<<``) below the keys of a mapping.

        Parameters
        ----------
        node : MappingNode

        Raises
        ------
        yaml.constructor.ConstructorError
            A key stands twice.
        """
        own = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE]
        seen: set[tuple[str, str]] = set()
        for key in own:
            if (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
            seen.add((key.tag, key.value))
        super().flatten_mapping(node)


ValueLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"""^(?:
         [-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
        |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
        |[-+]?\.(?:inf|Inf|INF)
        |\.(?:nan|NaN|NAN))$""",
        re.VERBOSE,
    ),
    list("-+0123456789."),
)
ValueLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in ValueLoader.yaml_implicit_resolvers.items()
}


def read_value(text: str) -> Any:
    """Read one value.

    Parameters
    ----------
    text : str

    Returns
    -------
    object
        A number, text, a boolean, None, or a list or mapping of them. Interpolations stay as they are.

    Raises
    ------
    yaml.YAMLError, ValueError, RecursionError
        It is no value of YAML.

    Examples
    --------
    >>> [read_value(text) for text in ("1e-3", "null", "a.b", "2020-01-01", "[1, x]")]
    [0.001, None, 'a.b', '2020-01-01', [1, 'x']]
    """
    # The words that are common in long lists, in a twentieth of the time.
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _PLAIN.fullmatch(text) and _is_text(text):
        return text
    return yaml.load(text, Loader=ValueLoader)  # noqa: S506 - derived from the safe loader


def _is_text(word: str) -> bool:
    # The end of a document, and what may stand at the beginning of one.
    if word.startswith("..."):
        return False
    resolvers = ValueLoader.yaml_implicit_resolvers.get(word[0], ())
    return not any(pattern.match(word) for _, pattern in resolvers)
