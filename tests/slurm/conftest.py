"""Clusters that the tests of a session share, one of a kind in each worker that asks for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.slurm.cluster import Cluster, find_missing_programs, search_path

if TYPE_CHECKING:
    from collections.abc import Iterator


def require_slurm(path: str, *, accounting: bool) -> None:
    """Skip, or fail where CI=true, when programs are on no folder of a search path."""
    missing = find_missing_programs(path, accounting=accounting)
    if missing:
        reason = f"Slurm is not installed (see scripts/system-packages): no {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def run_cluster(factory: pytest.TempPathFactory, **options: Any) -> Iterator[Cluster]:
    """Yield a cluster that is up and stop it afterwards."""
    require_slurm(search_path(), accounting=options["accounting"])
    cluster = Cluster(factory.mktemp("slurm"), **options).start()
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster with accounting."""
    yield from run_cluster(tmp_path_factory, accounting=True)


@pytest.fixture(scope="session")
def slurm_without_accounting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster whose controller forgets jobs some seconds after their end, with the usual limit of arrays."""
    yield from run_cluster(tmp_path_factory, accounting=False, array_size=1001)
