"""Seeds of the global generators, each in a process of its own where imports matter."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from naga.errors import ConfigError
from naga.lock.seeds import set_seeds

ROOT = Path(__file__).parents[2]


def run(code: str, *folders: Path) -> str:
    paths = [*map(str, folders), str(ROOT)]
    script = f"import sys; sys.path[:0] = {paths!r}\nfrom naga.lock.seeds import set_seeds\n{code}"
    return subprocess.check_output([sys.executable, "-c", script], text=True).strip()


def test_seeds_random_repeats() -> None:
    state = random.getstate()
    try:
        assert set_seeds(5)["random"] == 5
        first = random.random()
        set_seeds(5)
        assert random.random() == first
        set_seeds(6)
        assert random.random() != first
    finally:
        random.setstate(state)
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != set_seeds.__module__]


EXPECTED = "import numpy; numpy.random.seed(7); print(numpy.random.rand())"


@pytest.mark.parametrize(
    "code",
    [
        "import numpy.random; set_seeds(7)",
        "import numpy; set_seeds(7)",
        "set_seeds(7); import numpy",
        "set_seeds(3); set_seeds(7); from numpy.random import rand; import numpy",
        "set_seeds(7); import pandas; import numpy",
    ],
)
def test_seeds_numpy_repeats_whenever_it_is_imported(code: str) -> None:
    assert run(f"{code}; print(numpy.random.rand())") == run(EXPECTED)


def test_seeds_set_many_times_leave_one_finder() -> None:
    code = "before = len(sys.meta_path); [set_seeds(seed) for seed in range(9)]; print(len(sys.meta_path) - before)"
    assert run(code) == "1"


def test_seeds_returned_tell_what_was_seeded() -> None:
    code = "seeded = set_seeds(7); print(seeded, 'numpy' in sys.modules); import numpy.random; print(seeded)"
    assert run(code).splitlines() == ["{'random': 7} False", "{'random': 7, 'numpy': 7}"]


def test_seeds_late_import_keeps_the_module_ordinary() -> None:
    code = (
        "set_seeds(7); import numpy.random, importlib.resources, inspect\n"
        "print(importlib.resources.files('numpy.random').joinpath('__init__.py').is_file(),"
        " 'seed' in inspect.getsource(numpy.random), type(numpy.random.__spec__.loader).__name__)"
    )
    assert run(code) == "True True SourceFileLoader"


def test_seeds_missing_library_is_still_missing(tmp_path: Path) -> None:
    code = "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; seeded = set_seeds(7)\n"
    attempt = "try:\n    import torch\nexcept ModuleNotFoundError as error:\n    print(error, seeded)"
    assert run(code + attempt) == "No module named 'torch' {'random': 7}"


# PyTorch is too big for the tests; this has the one function of it that is called.
TORCH = "SEEDS = []\ndef manual_seed(seed):\n    SEEDS.append(seed)\n"


@pytest.mark.parametrize("code", ["import torch; seeded = set_seeds(7)", "seeded = set_seeds(7); import torch"])
def test_seeds_torch_is_seeded_whenever_it_is_imported(tmp_path: Path, code: str) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(TORCH)
    assert run(f"{code}; print(torch.SEEDS, seeded['torch'])", tmp_path) == "[7] 7"


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    state = random.getstate()
    with pytest.raises(ConfigError, match=str(seed)) as caught:
        set_seeds(seed)
    assert caught.value.key == "seed"
    assert caught.value.hint
    assert random.getstate() == state


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_seeds_at_the_limits_are_taken_by_all(seed: int) -> None:
    assert run(f"import numpy.random; print(set_seeds({seed})['numpy'])") == str(seed)
