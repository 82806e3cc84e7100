"""The world as it is now, as far as receipts speak of it; each thing is looked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from naga.errors import NagaError, NotFoundError
from naga.lock.digest import hash_file, hash_path, hash_tree
from naga.lock.receipt import RECEIPT_NAME, read_receipt

if TYPE_CHECKING:
    from pathlib import Path

    from naga.lock.receipt import DataEntry, Receipt

__all__ = ["World"]


class World:
    """Answers what is on the disk, and remembers the answers for as long as one question is being worked out.

    Parameters
    ----------
    root : Path
        The root of the project; relative paths of receipts count from it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._data: dict[tuple[str, tuple[str, ...], tuple[str, ...], bool], str | None] = {}
        self._code: dict[Path, str | None] = {}
        self._receipts: dict[Path, Receipt | NagaError | None] = {}

    def data_digest(self, entry: DataEntry, *, is_output: bool = False) -> str | None:
        """Return the digest of data as it is now.

        Parameters
        ----------
        entry : DataEntry
            What the receipt says of it.
        is_output : bool
            Leave out the folders of other runs, as was done when the outputs were recorded.

        Returns
        -------
        str or None
            None when there is nothing, or it cannot be read.
        """
        key = (entry.path, entry.include, entry.exclude, is_output)
        if key not in self._data:
            self._data[key] = self._hash(self.root / entry.path, entry, is_output)
        return self._data[key]

    def code_digest(self, path: Path) -> str | None:
        """Return the digest of a code file as it is now.

        Parameters
        ----------
        path : Path
            Absolute.

        Returns
        -------
        str or None
            None when the file is gone.
        """
        if path not in self._code:
            try:
                self._code[path] = hash_file(path)
            except NagaError:
                self._code[path] = None
        return self._code[path]

    def receipt(self, path: Path) -> Receipt | NagaError | None:
        """Return the receipt that lies at a path now.

        Parameters
        ----------
        path : Path
            Absolute.

        Returns
        -------
        Receipt, NagaError or None
            None when there is no file, the error when it cannot be read.
        """
        if path not in self._receipts:
            try:
                self._receipts[path] = read_receipt(path)
            except NotFoundError:
                self._receipts[path] = None
            except NagaError as error:
                self._receipts[path] = error
        return self._receipts[path]

    def remember(self, path: Path, receipt: Receipt | NagaError) -> None:
        """Take over a receipt that was read elsewhere, so that it is not read again.

        Parameters
        ----------
        path : Path
            Absolute.
        receipt : Receipt or NagaError
        """
        self._receipts[path] = receipt

    @staticmethod
    def _hash(path: Path, entry: DataEntry, is_output: bool) -> str | None:
        try:
            if is_output and entry.kind == "tree":
                return hash_tree(path, prune=lambda folder: (folder / RECEIPT_NAME).is_file(), progress=False).digest
            return hash_path(path, entry.include, entry.exclude, progress=False).digest
        except NagaError:
            return None
