"""The key by which a post-mortem is known to come from the same person and machine."""

from __future__ import annotations

import hmac
import os
import stat
from pathlib import Path

__all__ = ["sign", "signature_is_own"]

_BYTES = 32


def sign(content: bytes) -> str:
    """Return the HMAC-SHA-256 of a content under this person's key, which is made at the first call.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    str
        64 hex digits.

    Raises
    ------
    OSError
        The key can neither be read nor made.
    """
    return hmac.new(_own_key(), content, "sha256").hexdigest()


def signature_is_own(content: bytes, signature: str) -> bool:
    """Tell whether a content was signed by `sign` under this person's key.

    Parameters
    ----------
    content : bytes
    signature : str

    Returns
    -------
    bool
        False too when there is no key yet.
    """
    key = _read_key(_place())
    expected = hmac.new(key, content, "sha256").hexdigest() if key is not None else ""
    return key is not None and hmac.compare_digest(expected.encode(), signature.encode())


def _place() -> Path:
    from platformdirs import user_data_dir

    return Path(user_data_dir("naga")) / "postmortem.key"


def _own_key() -> bytes:
    place = _place()
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = _read_key(place)
    if key is not None:
        return key
    try:
        # The file appears with its content, so that of two processes that make it the second reads the first one's.
        temporary = place.with_name(f".{place.name}-{os.urandom(8).hex()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, os.urandom(_BYTES))
        finally:
            os.close(descriptor)
        try:
            os.link(temporary, place)
        finally:
            temporary.unlink()
    except FileExistsError:
        pass
    key = _read_key(place)
    if key is None:
        raise OSError(f"{place} is no key of your own; remove it")
    return key


def _read_key(place: Path) -> bytes | None:
    """Return the key, if it is there and nobody else could have put it there or read it."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(descriptor)
        is_own = status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
        key = os.read(descriptor, _BYTES)
    finally:
        os.close(descriptor)
    return key if is_own and len(key) == _BYTES else None
