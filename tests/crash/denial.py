"""A kernel that refuses one system call of this process, by a filter of seccomp(2); no privileges are needed.

Runs as a program: writes a receipt while a call is refused, and prints as JSON what came of it.

Notes
-----
Sources: the manual pages seccomp(2) and prctl(2), and the kernel's ``linux/filter.h`` and ``linux/seccomp.h``.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import struct
import sys
from pathlib import Path

from naga.lock.receipt import read_receipt, write_receipt
from tests.lock.samples import make_receipt

# The number of each call on each machine, and an argument that must have a bit set for the call to be refused.
_CALLS = {
    "mkdir": ({"x86_64": [83, 258], "aarch64": [34]}, None),
    "lock": ({"x86_64": [73], "aarch64": [32]}, None),
    "create": ({"x86_64": [257], "aarch64": [56]}, (2, os.O_CREAT)),
    "write": ({"x86_64": [1], "aarch64": [64]}, None),
    "flush": ({"x86_64": [74], "aarch64": [82]}, None),
    "rename": ({"x86_64": [82, 264, 316], "aarch64": [38, 276]}, None),
}
MACHINES = ("x86_64", "aarch64")

_LOAD, _EQUAL, _HAS_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


def refuse(name: str, error: int) -> None:
    """Let the kernel answer a system call with an error from now on."""
    machines, condition = _CALLS[name]
    for number in machines[platform.machine()]:
        _install(_program(number, error, condition))


def _program(number: int, error: int, condition: tuple[int, int] | None) -> bytes:
    steps = [(_LOAD, 0, 0, 0), (_EQUAL, 0, 3 if condition else 1, number)]
    if condition is not None:
        argument, bits = condition
        steps += [(_LOAD, 0, 0, 16 + 8 * argument), (_HAS_BITS, 0, 1, bits)]
    steps += [(_RETURN, 0, 0, _ERRNO | error), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _install(program: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_program = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    zero = ctypes.c_ulong(0)
    if libc.prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), zero, zero, zero) or libc.prctl(
        _SECCOMP, ctypes.c_ulong(_FILTER), filter_program, zero, zero
    ):
        raise OSError(ctypes.get_errno(), "seccomp")


def main(path: Path, name: str, error: int) -> None:
    """Write a receipt that is not to be written, and tell how that ended."""
    try:
        refuse(name, error)
    except OSError as refused:
        print(json.dumps({"skip": f"no seccomp: {refused.strerror}"}))
        return
    answer: dict[str, object] = {"written": True}
    try:
        write_receipt(path, make_receipt(2), overwrite=True)
    except OSError as caught:
        answer = {"errno": errno.errorcode[caught.errno or 0], "file": caught.filename, "text": str(caught)}
    answer["intact"] = path.exists() and read_receipt(path) == make_receipt(1)
    # Not write(2), which may be what is refused.
    os.writev(1, [json.dumps(answer).encode()])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
