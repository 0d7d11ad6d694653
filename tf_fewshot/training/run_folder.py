"""The folder of one run: its settings, its log, its numbers and its pictures.

It needs no TensorFlow until TensorBoard events are written.
"""

from __future__ import annotations

import datetime
import functools
import json
import logging
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..data.grid import image_grid, save_png
from ..errors import UserError
from ..files import (
    append_json_line,
    read_json_lines,
    readable_os_errors,
    remove_partials,
    write_json,
    write_text,
)
from .events import EventWriter
from .run_config import CONFIG, differences, read_config, refuse_foreign, versions_here
from .run_lock import acquire_lock


class RunFolder:
    """A run folder by its path; nothing is created or locked until it is used.

    :meth:`open` is for the one process that trains; the constructor alone is for those who
    read a run, finished or not.

    Args:
        path: The folder; ``~`` is the home folder.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path).expanduser()
        self._lock: int | None = None

    @classmethod
    def open(
        cls,
        path: str | os.PathLike,
        identity: Mapping[str, Any],
        settings: Mapping[str, Any] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> RunFolder:
        """Creates the folder of a run, or opens it again to resume, and locks it.

        Args:
            path: The workdir: a new or empty folder, or one with the same identity.
            identity: What makes it this run and no other, as JSON values: method, source,
                data, seed, batch size. What may change on the way (steps) is not in it.
            settings: Everything else worth a record, as JSON values. Given again, they
                replace those recorded before.
            defaults: Values of the identity that a run of an earlier release, which did not
                know of them yet, had all the same: those of settings that came later.

        Returns:
            The locked folder; :meth:`close` it, or use it in a ``with`` statement.

        Raises:
            UserError: if the folder holds other files or another run, if its config.json
                cannot be read, or if another process works in it.
        """
        run = cls(path)
        refuse_foreign(run.path)
        with readable_os_errors(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
            run._lock = acquire_lock(run.path)
        try:
            run._record(
                _as_json(identity),
                None if settings is None else _as_json(settings),
                _as_json(defaults or {}),
            )
            for folder in (run.path, run.adapter):
                for name in remove_partials(folder):
                    run.log(f"{name} was being replaced when the run was killed: it is as before.")
            run._mend_cut_lines()
        except BaseException:
            run.close()
            raise
        return run

    def close(self) -> None:
        """Ends the TensorBoard events and gives the lock back."""
        events = self.__dict__.pop("events", None)
        if events is not None:
            events.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    # Places --------------------------------------------------------------------

    @property
    def config_path(self) -> Path:
        """The file with identity, settings and versions."""
        return self.path / CONFIG

    @property
    def log_path(self) -> Path:
        """The file with the lines of :meth:`log`."""
        return self.path / "log.txt"

    @property
    def stats_path(self) -> Path:
        """The file with one JSON line of losses for each recorded step."""
        return self.path / "stats.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of what resuming needs."""
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        """The folder of the adapted generator: what changed of the source."""
        return self.path / "adapter"

    @property
    def tensorboard(self) -> Path:
        """The folder of the TensorBoard events."""
        return self.path / "tensorboard"

    @property
    def report_path(self) -> Path:
        """The report, one HTML file."""
        return self.path / "report.html"

    def fakes_path(self, step: int) -> Path:
        """Returns the file with samples of the fixed latents after ``step`` steps."""
        return self.path / f"{fakes_name(step)}.png"

    # Configuration -------------------------------------------------------------

    @property
    def config(self) -> dict[str, Any]:
        """``{"identity": {...}, "settings": {...}, "versions": {...}}``.

        Raises:
            UserError: if there is no such file, or it is not one of ours.
        """
        return read_config(self.path)

    def _record(
        self, identity: dict[str, Any], settings: dict[str, Any] | None, defaults: dict[str, Any]
    ) -> None:
        versions = versions_here()
        before: dict[str, Any] = {}
        if self.config_path.exists():
            before = self.config
            known = {name: value for name, value in defaults.items() if name in identity}
            changes = differences({**known, **before["identity"]}, identity)
            if changes:
                raise UserError(
                    f"{self.path} is the workdir of another run: {', '.join(changes)}. Choose "
                    "another --workdir, or give the settings it was begun with."
                )
            for change in differences(before["versions"], versions):
                self.log(f"Versions changed since the last start: {change}")
        if settings is None:
            settings = before.get("settings", {})
        config = {"identity": identity, "settings": settings, "versions": versions}
        if config != before:
            write_json(self.config_path, config)

    def record_settings(self, settings: Mapping[str, Any]) -> None:
        """Replaces the recorded settings, keeping identity and versions."""
        config = {**self.config, "settings": _as_json(settings)}
        if config != self.config:
            write_json(self.config_path, config)

    # What happens --------------------------------------------------------------

    def log(self, line: str) -> None:
        """Adds a line to log.txt with the time, and shows it on standard error.

        It is shown by the logger ``tf_fewshot``, which leaves the showing to the
        application's own logging where there is one.
        """
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        with readable_os_errors(self.log_path):
            self.path.mkdir(parents=True, exist_ok=True)
            with open(self.log_path, "a", encoding="utf-8") as file:
                file.writelines(f"{now} {part}\n" for part in line.splitlines() or [""])
        logger().info(line)

    def append_stats(self, step: int, values: Mapping[str, Any]) -> None:
        """Adds one line to stats.jsonl.

        Args:
            step: The step just done, from 1.
            values: Finite numbers by name; ``group/name`` names share a chart of the report.

        Raises:
            ValueError: if a value is not finite, since JSON has no such numbers and a run
                that meets one has to stop.
        """
        numbers = {name: _number(value) for name, value in values.items()}
        wrong = [name for name, value in numbers.items() if not math.isfinite(value)]
        if wrong:
            raise ValueError(f"stats of step {step} are not finite: {', '.join(wrong)}")
        append_json_line(self.stats_path, {"step": int(step), **numbers})

    def stats(self) -> list[dict[str, Any]]:
        """Reads every line of stats.jsonl, oldest first; none if there is no file."""
        return read_json_lines(self.stats_path) if self.stats_path.exists() else []

    def add_metric(self, record: Mapping[str, Any]) -> None:
        """Adds one line to ``metric-<metric>.jsonl``.

        Args:
            record: JSON values with at least ``metric`` (its name) and ``value``; also what
                makes the value mean something: step, samples, features, resize, seed.
        """
        name = re.sub(r"[^\w.-]+", "_", str(record["metric"]))
        append_json_line(self.path / f"metric-{name}.jsonl", _as_json(record))

    def metrics(self) -> list[dict[str, Any]]:
        """Reads every record of every ``metric-*.jsonl``, by file, oldest first."""
        return [r for p in sorted(self.path.glob("metric-*.jsonl")) for r in read_json_lines(p)]

    def truncate_stats(self, step: int) -> None:
        """Forgets the stats and metrics recorded past ``step``, where a run resumes."""
        for path in self._json_lines():
            records = read_json_lines(path)
            kept = [record for record in records if record.get("step", 0) <= step]
            if len(kept) < len(records):
                _rewrite(path, kept)

    def save_grid(
        self, name: str, images: np.ndarray, columns: int | None = None, scale: int = 1
    ) -> Path:
        """Saves images as one PNG grid.

        Args:
            name: Name of the file, without its suffix: "reals", "samples", ...
            images: uint8 ``[N, H, W, 3]``.
            columns: Images in a row; None chooses.
            scale: Whole number by which small images are enlarged.

        Returns:
            Where it is.
        """
        path = self.path / f"{name}.png"
        save_png(image_grid(images, columns=columns, scale=scale), path)
        return path

    @functools.cached_property
    def events(self) -> EventWriter:
        """The TensorBoard events of this start of the run; others lie beside them."""
        return EventWriter(self.tensorboard)

    def _json_lines(self) -> list[Path]:
        metrics = sorted(self.path.glob("metric-*.jsonl"))
        return [self.stats_path, *metrics] if self.stats_path.exists() else metrics

    def _mend_cut_lines(self) -> None:
        """Ends every file of JSON lines with a whole line, so that the next is one too."""
        for path in self._json_lines():
            if not path.read_bytes().endswith(b"\n"):
                _rewrite(path, read_json_lines(path))


def fakes_name(step: int) -> str:
    """Returns the name of the grid of the fixed latents after ``step`` steps, for ``save_grid``."""
    return f"fakes{step:06d}"


def _number(value: Any) -> int | float:
    if isinstance(value, bool | int | float):
        return value
    return np.asarray(value).item()


def _as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a mapping as it will be read again: tuples are lists, keys are strings."""
    return json.loads(json.dumps(dict(value)))


def _rewrite(path: Path, records: list[dict[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


def logger() -> logging.Logger:
    """Returns the project's logger; it writes to standard error if nobody set up logging."""
    logger = logging.getLogger("tf_fewshot")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.addFilter(lambda _: not logging.getLogger().handlers)
        logger.addHandler(handler)
    return logger
