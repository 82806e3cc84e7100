"""The garbage collector is off while a receipt is read, and afterwards as it was before."""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from naga.errors import ReceiptFormatError
from naga.lock.collection import collector_paused
from naga.lock.document import parse_document

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def collector() -> Iterator[None]:
    yield
    gc.enable()


def test_collector_paused_is_off_within(collector: None) -> None:
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collector_paused_that_was_off_before_stays_off(collector: None) -> None:
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()


@pytest.mark.parametrize("text", [b"a: 1\n", b"[", b"a: *b\n"])
def test_parse_document_leaves_the_collector_on_whatever_it_finds(collector: None, text: bytes) -> None:
    with suppress(ReceiptFormatError):
        parse_document(text)
    assert gc.isenabled()
