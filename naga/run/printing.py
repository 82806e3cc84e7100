"""What ``--print_config`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from naga.config.layers import Layer
from naga.config.listing import config_text

if TYPE_CHECKING:
    from naga.config.building import ConfigLayers
    from naga.config.sweep_options import SweepOptions

__all__ = ["printed_config"]


def printed_config(layers: ConfigLayers, sweep: SweepOptions | None) -> str:
    """Write the config of a run, or of the first task of a sweep, with the place that each value is from.

    Parameters
    ----------
    layers : ConfigLayers
        All layers of the config.
    sweep : SweepOptions or None
        The tasks, if a sweep was asked for.

    Returns
    -------
    str
        YAML, redacted where secret. It ends with a line break.

    Raises
    ------
    NagaError
        The config or the list of tasks is wrong.
    """
    heading = ""
    if sweep is not None:
        from naga.sweep.reading import read_tasks

        tasks = read_tasks(sweep, layers).tasks
        layers = layers.with_layers(Layer.of_dotted(tasks[0].source, tasks[0].values))
        heading = f"# the first of {len(tasks)} tasks\n"
    return heading + config_text(layers.resolved(), layers.place)
