"""Put the built front end into the wheel; without node the wheel has none, and naga says how to get it."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["FrontEndHook"]

_PLACE = "share/jupyter/labextensions/naga-lab"


class FrontEndHook(BuildHookInterface[Any]):
    """Build the front end for a wheel; an editable install is left to ``labextension/build.py --link``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and name the files that the wheel is to hold beside the packages.

        Parameters
        ----------
        version : {"standard", "editable"}
        build_data : dict
            Hatchling's: `artifacts` are files that git ignores, `shared_data` goes into the prefix.
        """
        if version == "editable" or os.environ.get("NAGA_FRONT_END") == "no":
            return
        builder = _load(Path(self.root) / "labextension" / "build.py")
        if not builder.build():
            self.app.display_warning("node is not installed: the wheel comes without the panel of JupyterLab")
            return
        build_data["artifacts"].append("/naga_ipython/static/view.js")
        build_data["shared_data"][str(builder.BUILT)] = _PLACE
        build_data["shared_data"][str(builder.FOLDER / "install.json")] = f"{_PLACE}/install.json"


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("naga_front_end", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
