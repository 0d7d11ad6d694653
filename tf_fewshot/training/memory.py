"""How much memory there is: of the machine, of the container around it, of a GPU."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import UserError

UNLIMITED = "unlimited"
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
# What version 1 of control groups writes where there is no limit is near 2**63.
_NO_LIMIT = 2**60


def parsed(memory: str | int | None) -> int | None:
    """Returns bytes of what people write: 8G, 1.5 GiB, 500M; None where there is no limit.

    Args:
        memory: Text, or bytes. None and "unlimited" are None.

    Raises:
        UserError: if it is no size above 0.
    """
    if memory is None or memory == UNLIMITED:
        return None
    found = _SIZE.fullmatch(str(memory).strip())
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if size < 1:
        raise UserError(
            f"memory must be a size such as 8G or 500M, or {UNLIMITED!r}, not {memory!r}."
        )
    return size


def shown(size: float) -> str:
    """Returns bytes as people read them, such as "1.5 GB"; a GB is 2**30 bytes here."""
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{max(size, 0) / 2**20:.0f} MB"


def resident(root: Path = Path("/")) -> int | None:
    """Returns the bytes that this process has in memory; None where nothing tells."""
    found = re.search(r"VmRSS:\s+(\d+) kB", _text(root / "proc/self/status"))
    return int(found[1]) * 1024 if found else None


def free(root: Path = Path("/")) -> int | None:
    """Returns the bytes that may still be taken; None where nothing tells.

    That is what the machine has left without swapping, or less where a control group (of a
    container, a job or a service) limits this process.

    Args:
        root: Where the files of Linux are.
    """
    found = re.search(r"MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"))
    left = [int(found[1]) * 1024] if found else []
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            left += _left(root / "sys/fs/cgroup", path, "memory.max", "memory.current", "")
            # Where both versions are there, the second has a folder of its own.
            left += _left(root / "sys/fs/cgroup/unified", path, "memory.max", "memory.current", "")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
            left += _left(root / "sys/fs/cgroup/memory", path, *names)
    return max(0, min(left)) if left else None


def _left(mount: Path, path: str, limit: str, usage: str, prefix: str) -> list[int]:
    """What a control group and those around it leave, of each that has a limit.

    In a container the path may be that of the machine, while the mount shows the container's own.
    """
    left = []
    folder = mount / path.lstrip("/")
    for place in (folder, *folder.parents):
        if mount not in (place, *place.parents):
            break
        most, taken = _text(place / limit).strip(), _text(place / usage).strip()
        if most.isdigit() and taken.isdigit() and int(most) < _NO_LIMIT:
            # Files that were read are dropped where memory is short.
            stat = _text(place / "memory.stat")
            files = re.search(rf"^{prefix}inactive_file (\d+)$", stat, re.MULTILINE)
            left.append(int(most) - int(taken) + (int(files[1]) if files else 0))
    return left


def _text(path: str | os.PathLike) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
