"""The finished trials of a comparison on disk: one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import append_json_line, atomic_path, write_text
from .plan import Trial

Record = dict[str, Any]


class Results:
    """What has been measured so far.

    A last line that was cut off is removed from the file, and its trial is run again.

    Args:
        path: The file; it need not be there.
        say: Told what was mended.

    Raises:
        UserError: if another line is no record.
    """

    def __init__(self, path: Path, say: Callable[[str], None]):
        self.path = path
        self._records: dict[Trial, Record] = {}
        self._added: list[Record] = []
        for record in self._read(say):
            self._records[_trial(record)] = record

    def __len__(self) -> int:
        return len(self._records)

    def get(self, trial: Trial) -> Record | None:
        """Returns the record of a trial; the newest, if there are more."""
        return self._records.get(trial)

    def of_method(self, name: str) -> list[Record]:
        """Returns the records of all trials of a method."""
        return [r for trial, r in self._records.items() if trial.method == name]

    def missing(self, trial: Trial, metrics: tuple[str, ...]) -> list[str]:
        """Returns those of the metrics that have not been measured for a trial."""
        record = self.get(trial)
        known = {m["metric"] for m in record["metrics"]} if record else set()
        return [name for name in metrics if name not in known]

    def add(self, record: Record) -> None:
        """Keeps the record of a finished trial."""
        append_json_line(self.path, record)
        self._records[_trial(record)] = record
        self._added.append(record)

    def sort(self, trials: Sequence[Trial]) -> None:
        """Brings what was added since the file was opened into the order of these trials."""
        places = {trial: place for place, trial in enumerate(trials)}
        ordered = sorted(self._added, key=lambda record: places[_trial(record)])
        if ordered != self._added:
            before = self.path.read_bytes().split(b"\n")[: -1 - len(ordered)]
            lines = [line.decode("utf-8") for line in before]
            lines += [json.dumps(record, ensure_ascii=False) for record in ordered]
            write_text(self.path, "".join(f"{line}\n" for line in lines))
            self._added = ordered

    def _read(self, say: Callable[[str], None]) -> list[Record]:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        # Bytes, since a cut may go through a letter.
        lines = data.split(b"\n")
        records: list[Record] = []
        kept = 0
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    records.append(_record(line))
                except (ValueError, KeyError, TypeError) as error:
                    if any(rest.strip() for rest in lines[number:]):
                        raise UserError(
                            f"Line {number} of {self.path} is no result of a trial ({error}). "
                            "Remove that line, and its trial is run again."
                        ) from error
                    say(
                        f"The last line of {self.path.name} was cut off and has been removed; "
                        "its trial is measured again."
                    )
                    break
            kept = number
        whole = b"".join(line + b"\n" for line in lines[:kept] if line.strip())
        if whole != data:
            with atomic_path(self.path) as partial:
                partial.write_bytes(whole)
        return records


def _record(line: bytes) -> Record:
    record = json.loads(line.decode("utf-8"))
    _trial(record)
    if not all(isinstance(m["value"], int | float) and m["metric"] for m in record["metrics"]):
        raise ValueError("a metric has no value")
    return record


def _trial(record: Mapping[str, Any]) -> Trial:
    return Trial(record["method"], record["target"], record["shots"], record["seed"])


def settle(
    before: Mapping[str, Any], now: Mapping[str, Any], place: Path, results: Results
) -> dict[str, Any]:
    """Returns what is compared before and now, together.

    Methods, targets and numbers of pictures may be added; what both have must be equal.
    A method of which nothing is left, neither results nor run folders, may change.

    Args:
        before, now: Nested JSON values.
        place: The comparison's folder.
        results: What it holds.

    Raises:
        UserError: if something differs; it names what.
    """
    begun = {
        name: settings
        for name, settings in before.get("methods", {}).items()
        if results.of_method(name) or any(place.glob(f"runs/*/{name}-*"))
    }
    changes = list(_differences({**before, "methods": begun}, now))
    if changes:
        shown = ", ".join(changes[:5]) + (f" and {len(changes) - 5} more" * (len(changes) > 5))
        hints = [
            f" Nothing of {name} is finished: without the folders runs/*/{name}-* it begins anew."
            for name in begun
            if not results.of_method(name) and any(c.startswith(f"{name}.") for c in changes)
        ]
        raise UserError(
            f"{place} holds a comparison with other settings: {shown}. Choose another --workdir, "
            f"or give the settings it was begun with.{''.join(hints)}"
        )
    return _together(before, now)


def _differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() & new.keys()):
            yield from _differences(old[key], new[key], f"{name}.{key}".lstrip("."))
    elif old != new:
        yield f"{name.removeprefix('methods.')} {_short(old)} -> {_short(new)}"


def _together(old: Any, new: Any) -> Any:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    keys = [*old, *(key for key in new if key not in old)]
    return {
        k: _together(old[k], new[k]) if k in old and k in new else {**old, **new}[k] for k in keys
    }


def _short(value: Any) -> str:
    text = json.dumps(value)
    return f"{text[1:9]}…" if len(text) == 66 else text
