"""The front end as it is built from this copy of the project."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
FrontEnd = Any  # the module labextension/build.py, which is no part of a package


def load_builder(root: Path = ROOT) -> ModuleType:
    """Return the module that builds the front end of a copy of the project."""
    spec = importlib.util.spec_from_file_location(f"front_end_of_{root.name}", root / "labextension" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def build_front_end() -> FrontEnd:
    """Build the front end if that is to be done, and let this interpreter's JupyterLab show it."""
    builder = load_builder()
    if not builder.build():
        reason = "node is not installed (see scripts/system-packages)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    builder.link()
    return builder
