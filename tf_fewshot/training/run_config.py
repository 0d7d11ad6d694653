"""The config.json of a run folder: which run it is of, its settings and its versions."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import readable_os_errors

CONFIG = "config.json"
# What a crash before the first config.json, or a file browser, may leave in an empty folder.
_NOT_FOREIGN = re.compile(r"\.lock|\.DS_Store|\.config-[0-9a-f]{8}\.tmp\.json")
_VERSIONED = ("tf_fewshot", "tensorflow", "keras", "numpy")


def read_config(folder: Path) -> dict[str, Any]:
    """Reads ``{"identity": {...}, "settings": {...}, "versions": {...}}`` of a run folder.

    Raises:
        UserError: if there is no such file, or it is not one of ours.
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{folder} is not a run folder: it has no config.json.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is damaged ({error}). Restore it or choose another --workdir."
        ) from error
    if not isinstance(config, dict) or not isinstance(config.get("identity"), dict):
        raise UserError(
            f"{path} is not the configuration of a run of tf_fewshot: it has no identity. "
            "Choose another --workdir."
        )
    return {"settings": {}, "versions": {}, **config}


def refuse_foreign(folder: Path) -> None:
    """Refuses a folder that holds anything but a run, before anything is written.

    Raises:
        UserError: if it holds other files, or a config.json that cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, not a folder. Choose another --workdir.")
    if (folder / CONFIG).exists():
        read_config(folder)
        return
    if folder.is_dir():
        with readable_os_errors(folder):
            names = sorted(os.listdir(folder))
        foreign = [name for name in names if not _NOT_FOREIGN.fullmatch(name)]
        if foreign:
            raise UserError(
                f"{folder} is not empty and is no run folder (it holds {foreign[0]!r} "
                "and no config.json). Choose a new or empty --workdir."
            )


def versions_here() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide the numbers of a run."""
    versions = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Lists the fields that differ, as "name old -> new"."""
    changes = []
    for name in sorted(before.keys() | after.keys()):
        old, new = (json.dumps(d[name]) if name in d else "(none)" for d in (before, after))
        if old != new:
            short_old, short_new = _shorten(old), _shorten(new)
            if short_old == short_new:
                short_old, short_new = old, new
            changes.append(f"{name} {short_old} -> {short_new}")
    return changes


def _shorten(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
