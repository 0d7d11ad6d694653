"""An earlier result of a benchmark, and how many times its numbers are those of now."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import readable_os_errors


def read_earlier(path: str | os.PathLike) -> dict[str, Any]:
    """Reads what ``tf-fewshot benchmark --out`` wrote.

    Raises:
        UserError: if there is no such file, or it is no result of a benchmark.
    """
    try:
        with readable_os_errors(path):
            text = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"There is no earlier result {path}.") from error
    try:
        earlier = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no result of a benchmark: {error}.") from error
    if not isinstance(earlier, dict) or not any(True for _ in _numbers(earlier)):
        raise UserError(f"{path} is no result of a benchmark: it holds no numbers by name.")
    return earlier


def ratios(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, float]:
    """Returns how many times a number of before each number of now is, by its path.

    Numbers that only one of both has, and those that were 0, are left out.

    Args:
        now, before: Nested records of JSON values.
    """
    old = dict(_numbers(before))
    pairs = ((path, value, old.get(path)) for path, value in _numbers(now))
    return {path: value / earlier for path, value, earlier in pairs if earlier}


def _numbers(record: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        place = f"{path}/{name}" if path else name
        if isinstance(value, Mapping):
            yield from _numbers(value, place)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield place, float(value)
