"""The content of a report: the name of a run, its state, its tables and curves."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import methods
from ..errors import UserError
from ..files import read_json_lines

Record = dict[str, Any]
Series = dict[str, list[tuple[float, float]]]

_METRICS = {
    "fid": "FID",
    "kid": "KID",
    "kmmd": "KMMD",
    "lpips": "LPIPS",
    "intra_lpips": "intra-LPIPS",
    "nearest_lpips": "nearest LPIPS",
    "fid_vgg16": "FID (VGG16)",
    "detectability": "detectability (AP)",
}
_COLUMNS = {
    "metric": "Metric",
    "value": "Value",
    "std": "±",
    "step": "Step",
    "samples": "Samples",
    "features": "Feature network",
    "trained_through": "Trained through",
    "resize": "Resize",
    "seed": "Seed",
}
# Names under which the same column comes.
_ALIASES = {
    "n": "samples",
    "num_samples": "samples",
    "sample_count": "samples",
    "network": "features",
    "feature_network": "features",
}


class Run:
    """The records of a run folder, as far as they are there.

    Args:
        path: The run folder.

    Raises:
        UserError: if it is not a folder, or one of its files is damaged.
    """

    def __init__(self, path: Path):
        if not path.is_dir():
            raise UserError(f"There is no run folder {path}.")
        self.path = path
        config = _read_config(path / "config.json")
        self.identity: Record = config.get("identity") or {}
        self.settings: Record = config.get("settings") or {}
        self.versions: Record = config.get("versions") or {}
        self.stats = _read_lines(path / "stats.jsonl")
        self.metrics = [
            {_ALIASES.get(key, key): value for key, value in record.items()}
            for file in sorted(path.glob("metric-*.jsonl"))
            for record in _read_lines(file)
        ]
        self.fakes = {
            int(match[1]): file
            for file in sorted(path.glob("fakes*.png"))
            if (match := re.fullmatch(r"fakes(\d+)\.png", file.name))
        }

    def setting(self, *names: str) -> Any:
        """Returns the first of these that the settings or the identity hold."""
        for name in names:
            for place in (self.settings, self.identity):
                if place.get(name) not in (None, ""):
                    return place[name]
        return None

    # In words ------------------------------------------------------------------

    @property
    def method(self) -> str:
        """The method as its paper writes it."""
        name = str(self.setting("method") or "Run")
        # A run folder may be of a release that has other methods.
        return methods.get(name).short_title if name in methods.names() else name

    @property
    def source(self) -> str | None:
        """The generator that was adapted, without the folders before it."""
        return _short_name(self.setting("source_name", "source"))

    @property
    def target(self) -> str | None:
        """The pictures it was adapted to, without the folders before them."""
        return _short_name(self.setting("data_name", "target", "data"))

    @property
    def step(self) -> int:
        """The last step that left a trace."""
        return max([0, *(int(r.get("step", 0)) for r in self.stats), *self.fakes])

    @property
    def total(self) -> int | None:
        """Steps of the whole run, if they are known."""
        steps = self.setting("steps", "total_steps")
        return int(steps) if isinstance(steps, int | float) else None

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        if self.total is None:
            return (self.path / "adapter").exists()
        return self.step >= self.total

    @property
    def status(self) -> str:
        """The state in a few words."""
        if self.finished:
            return f"Finished · {self.step:,} steps" if self.step else "Finished"
        total = "" if self.total is None else f" of {self.total:,}"
        return f"In progress · step {self.step:,}{total}"

    # Tables --------------------------------------------------------------------

    def setting_rows(self) -> list[tuple[str, str]]:
        """Lists each setting and each field of the identity once, nested ones by dotted name."""
        return list(_flatten({**self.identity, **self.settings}).items())

    def metric_rows(self) -> tuple[list[str], list[list[str]]]:
        """Returns headings and rows: the latest value of every kind of measurement."""
        latest: dict[str, Record] = {}
        for record in self.metrics:
            latest[_measurement(record)] = record
        known = [key for key in _COLUMNS if any(key in r for r in latest.values())]
        more = {
            key: key.replace("_", " ").capitalize()
            for record in latest.values()
            for key in record
            if key not in _COLUMNS
        }
        keys = [*known, *more]
        rows = [
            [metric_name(r.get(key)) if key == "metric" else show(r.get(key), key) for key in keys]
            for r in latest.values()
        ]
        return [{**_COLUMNS, **more}[key] for key in keys], rows

    # Curves --------------------------------------------------------------------

    def charts(self) -> dict[str, Series]:
        """Returns the series of each chart by name, by the chart's title.

        ``group/name`` stats share the chart ``group`` as far as one scale shows them all; others
        have one each, and so has every measurement of more than one step.
        """
        groups: dict[str, Series] = {}
        for record in self.stats:
            for key, value in record.items():
                if key == "step" or not _is_number(value) or not _is_number(record.get("step")):
                    continue
                group, _, name = key.partition("/")
                points = groups.setdefault(group, {}).setdefault(name or key, [])
                points.append((float(record["step"]), float(value)))
        charts: dict[str, Series] = {}
        for group, series in groups.items():
            for part in _by_scale(series):
                names = ", ".join(part)
                free = group not in charts and (len(part) > 1 or names == group)
                charts[group if free else f"{group}/{names}"] = part
        for name, points in self._measured_over_steps().items():
            charts[name] = {name: points}
        return {
            title: {name: sorted(dict(points).items()) for name, points in series.items()}
            for title, series in charts.items()
        }

    def _measured_over_steps(self) -> Series:
        kinds: dict[str, list[Record]] = {}
        for record in self.metrics:
            if _is_number(record.get("value")) and _is_number(record.get("step")):
                kinds.setdefault(_measurement(record), []).append(record)
        series: Series = {}
        for records in kinds.values():
            first = records[0]
            with_what = [show(first["features"])] if "features" in first else []
            with_what += [f"n = {show(first['samples'])}"] if "samples" in first else []
            name = metric_name(first["metric"])
            name += f" ({', '.join(with_what)})" if with_what else ""
            points = [(float(r["step"]), float(r["value"])) for r in records]
            if len(dict(points)) > 1:
                series[name] = points
        return series


def metric_name(name: Any) -> str:
    """Returns a metric's name as its paper writes it."""
    return _METRICS.get(str(name), str(name))


def show(value: Any, key: str = "") -> str:
    """Writes a value for people: numbers short, long fingerprints by their beginning."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if key == "seed" else f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return ", ".join(show(part) for part in value) or "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {show(part)}" for name, part in value.items()) or "–"
    text = str(value)
    return f"{text[:16]}…" if re.fullmatch(r"[0-9a-f]{40,}", text) else text


def _measurement(record: Record) -> str:
    """Returns what a kind of measurement is known by: all of its record but time and result."""
    kind = {k: v for k, v in record.items() if k not in ("step", "value", "std", "time", "seconds")}
    return json.dumps(kind, sort_keys=True)


def _by_scale(series: Series, factor: float = 5.0) -> list[Series]:
    """Groups series whose typical sizes are within ``factor``, so that none is a flat line."""
    parts: list[tuple[float, Series]] = []
    for name, points in series.items():
        size = float(np.quantile([abs(y) for _, y in points], 0.9))
        for reference, part in parts:
            if reference / factor <= size <= reference * factor:
                part[name] = points
                break
        else:
            parts.append((size, {name: points}))
    return [part for _, part in parts]


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    rows: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            rows.update(_flatten(value, f"{prefix}{key}."))
        else:
            rows[f"{prefix}{key}"] = show(value, key)
    return rows


def _short_name(value: Any) -> str | None:
    if value is None:
        return None
    text = show(value).rstrip("/")
    return re.split(r"[/\\]", text)[-1] or text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_config(path: Path) -> Record:
    if not path.exists():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}). Restore it and report again.") from error
    return config if isinstance(config, dict) else {}


def _read_lines(path: Path) -> list[Record]:
    return read_json_lines(path) if path.exists() else []
