"""A receipt together with what is left of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import naga

if TYPE_CHECKING:
    from pathlib import Path

    from naga import Receipt, Verification

__all__ = ["ShownReceipt", "show_receipt"]


@dataclass(frozen=True, slots=True)
class ShownReceipt:
    """What ``%runlock`` shows.

    Attributes
    ----------
    path : Path
        Where the receipt lies, absolute.
    receipt : Receipt
    verification : Verification or None
        What is left of the run and of those before it; None when another receipt lies there by now, or none.
    """

    path: Path
    receipt: Receipt
    verification: Verification | None

    def __str__(self) -> str:
        first, *rest = naga.describe(self.receipt).split("\n")
        if self.verification is None:
            return "\n".join([first, "  now      another receipt, or none, is in its place", *rest])
        run = self.verification.runs[0]
        found = [f"  now      {naga.badge_of(run.state)}", *(f"           {line}" for line in naga.check_lines(run))]
        return "\n".join([first, *map(naga.printable, found), *rest])


def show_receipt(path: Path, receipt: Receipt) -> ShownReceipt:
    """Look what is left of a run.

    Parameters
    ----------
    path : Path
        Where its receipt was written.
    receipt : Receipt

    Returns
    -------
    ShownReceipt
    """
    try:
        verification = naga.verify(path)
    except naga.NagaError:
        return ShownReceipt(path, receipt, None)
    is_same = verification.runs[0].id == receipt.id
    return ShownReceipt(path, receipt, verification if is_same else None)
