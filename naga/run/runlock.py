"""The call by which a run says what it reads and where its receipt goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.config.plain import plain_config
from naga.run.bare import complete_returned, start_bare_run
from naga.run.current import current_run
from naga.run.declared import named_data, named_folders, named_prevs

if TYPE_CHECKING:
    from naga.lock.receipt import Receipt
    from naga.run.declared import Data, Place, Places

__all__ = ["runlock"]


def runlock(
    config: Any = None,
    repos: Places | None = None,
    data: Data | None = None,
    prevs: Places | None = None,
    runlock_path: Place | None = None,
) -> Receipt:
    """Write the receipt of the run that calls this, or add to it.

    Inside a `clicfg` main it enriches that run's receipt. In a plain function it starts one, which is completed when
    the function returns: at once when this call is its last statement, else at the end of the cell or of the process.

    Parameters
    ----------
    config : DictConfig, mapping, class or instance, optional
        The config of the run.
    repos, data, prevs : path, list of paths or mapping of names to paths, optional
        The repositories whose exact state is recorded; the files and folders that the run reads; and the stages before
        it, each as a folder, a ``run.lock``, or a file whose folder holds one. Names default to the stem of the path
        and are made unique. Values of ``${runlock_data:PATH}`` and ``${runlock_prev:PATH}`` are not read again. For a
        part of a folder `data` takes ``naga.hash_path(folder, include=..., exclude=...)``.
    runlock_path : path, optional
        The file of the receipt; by default ``run.lock`` in the config's ``save_dir``, else in the current folder.

    Returns
    -------
    Receipt
        The record as it stands now.

    Raises
    ------
    NotFoundError
        A path does not exist, or no receipt belongs to a prev. Nothing was written.
    IntegrityError
        A receipt of a prev cannot be read, or its run did not finish. Nothing was written.
    ConfigError
        A value is no path, or the config's ``save_dir`` holds the code itself.
    ConflictError
        Another run took the place of the receipt in the meantime.

    Examples
    --------
    >>> def main(cfg):
    ...     runlock(config=cfg, data=[cfg.input_path], prevs=["results/prepare"])
    """
    complete_returned()
    digests, stages, folders = named_data(data), named_prevs(prevs), named_folders(repos)
    plain = None if config is None else plain_config(config)
    run = current_run() or start_bare_run(sys._getframe(1), plain or {})
    path = None if runlock_path is None else Path(runlock_path)
    return run.declare(config=plain, repos=folders, data=digests, prevs=stages, path=path)
