"""Files that are whole or not there at all: they are written under another name, then renamed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import UserError

_PARTIAL = re.compile(r"\.(?P<stem>.+)-[0-9a-f]{8}\.tmp(?P<suffix>(\.(?!old$)\w+)?)(?P<old>\.old)?")


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Gives a temporary path beside ``path``; renames it to ``path`` if the block succeeds.

    A file or a folder may be written there; an existing target is replaced. The temporary
    name keeps the suffix of ``path``, since some writers choose the format by it.

    Raises:
        UserError: if the disk is full or the place cannot be written.
    """
    path = Path(path)
    with readable_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}.tmp{path.suffix}")
        try:
            yield partial
            if partial.is_dir() and path.exists():
                old = partial.with_name(partial.name + ".old")
                os.rename(path, old)
                os.rename(partial, path)
                shutil.rmtree(old, ignore_errors=True)
            else:
                os.replace(partial, path)
        finally:
            if partial.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
            else:
                partial.unlink(missing_ok=True)


def remove_partials(folder: str | os.PathLike) -> list[str]:
    """Removes what processes that were killed in :func:`atomic_path` have left in a folder.

    A folder that was moved aside when the process was killed, before the new one had its
    name, gets its name back. No other process may be writing there.

    Returns:
        The names that were given back.
    """
    given_back = []
    for path in sorted(Path(folder).glob(".*.tmp*")):
        match = _PARTIAL.fullmatch(path.name)
        if match is None:
            continue
        target = path.with_name(match["stem"] + match["suffix"])
        if match["old"] and not target.exists():
            os.rename(path, target)
            given_back.append(target.name)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return given_back


@contextlib.contextmanager
def readable_os_errors(path: str | os.PathLike) -> Iterator[None]:
    """Turns the operating system's refusals to write into a :class:`UserError`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(
                f"No space left on the disk while writing {path}. Nothing saved before is lost; "
                "free some space and run the same command again."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UserError(
                f"Cannot write {path}: {error.strerror}. Choose another place."
            ) from error
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes a JSON file, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def append_json_line(path: str | os.PathLike, record: dict[str, Any]) -> None:
    """Adds one line to a file of JSON lines in a single write."""
    with readable_os_errors(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def read_json_lines(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Reads JSON lines; a last line that was cut off is left out.

    Raises:
        UserError: if a line is no object of JSON.
    """
    records = []
    lines = Path(path).read_bytes().splitlines()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                break
            reason = getattr(error, "msg", error)
            raise UserError(f"{path}: line {number} is not JSON ({reason}).") from error
        if not isinstance(record, dict):
            raise UserError(f"{path}: line {number} is no object of JSON, but {line[:50]!r}.")
        records.append(record)
    return records


def cache_dir() -> Path:
    """Returns where downloads and features are kept.

    It is the folder TF_FEWSHOT_CACHE, or ~/.cache/tf_fewshot.
    """
    given = os.environ.get("TF_FEWSHOT_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "tf_fewshot"
