"""The lock of a run folder: one process works in it.

It is the system's own, which ends with its process however that ends. Filelock (4.3) would take
the same lock, but cannot say which process holds it, and where a file system knows no locks
it falls back to marker files, which a killed process leaves behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from ..errors import UserError

LOCK = ".lock"


def acquire_lock(folder: Path) -> int:
    """Locks a folder that exists, and notes the number of this process in its lock file.

    Returns:
        A file descriptor; closing it gives the lock back.

    Raises:
        UserError: if another process, or this one, has the lock, or if the file system
            knows none.
    """
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(lock, 32).decode(errors="replace").strip()
        os.close(lock)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise UserError(
                f"Cannot lock {folder} ({error.strerror}). Choose a --workdir on a file "
                "system that has locks."
            ) from error
        if holder == str(os.getpid()):
            raise UserError(
                f"{folder} is already open in this process. Close that run first, "
                "or choose another --workdir."
            ) from error
        raise UserError(
            f"Another process{f' ({holder})' if holder else ''} is running in {folder}. "
            "Wait for it, or choose another --workdir."
        ) from error
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock
