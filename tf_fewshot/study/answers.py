"""The answers that the page of a user study saves: read, checked, and pooled over people."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

from ..errors import UserError

FORMAT, VERSION = "tf-fewshot study answers", 1


@dataclasses.dataclass(frozen=True)
class Answers:
    """What one person answered.

    Attributes:
        path: The file.
        study: The fingerprint of the page.
        person: A number that the page drew when it was opened.
        right: Whether each round's answer was right.
    """

    path: Path
    study: str
    person: str
    right: tuple[bool, ...]


@dataclasses.dataclass(frozen=True)
class Pooled:
    """The answers of many people to one page.

    Attributes:
        study: The fingerprint of the page.
        people: The number of people.
        rounds: The number of answers of all of them.
        right: How many of these were right.
        interval: Wilson's 95 % interval of the share that is right. It takes every answer as
            independent of the others, and so for the larger the more people differ, and says
            nothing of other pairs than those of the page.
        repeated: Files that hold the answers of another one once more, and were not counted.
    """

    study: str
    people: int
    rounds: int
    right: int
    interval: tuple[float, float]
    repeated: tuple[Path, ...] = ()

    @property
    def share(self) -> float:
        """The share of right answers; 0.5 is chance."""
        return self.right / self.rounds


def wilson_interval(right: int, rounds: int, level: float = 0.95) -> tuple[float, float]:
    """Returns the interval of a share by Wilson (1927), "Probable inference", equation 4.

    Args:
        right: The number of successes.
        rounds: The number of trials, 1 or more.
        level: Of confidence.
    """
    z = statistics.NormalDist().inv_cdf((1 + level) / 2)
    share, spread = right / rounds, z * z / rounds
    centre = share + spread / 2
    half = z * math.sqrt((share * (1 - share) + spread / 4) / rounds)
    # Rounding may leave the least bit beyond the ends.
    low = 0.0 if right == 0 else (centre - half) / (1 + spread)
    high = 1.0 if right == rounds else (centre + half) / (1 + spread)
    return low, high


def read_answers(path: str | os.PathLike) -> Answers:
    """Reads a file that the page of a study saved.

    Raises:
        UserError: if there is no such file, or it is damaged or none of answers.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no {path}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError):
        raise UserError(
            f"{path} is damaged or no JSON: ask for it again, or leave it out."
        ) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise UserError(f"{path} holds no answers of a tf-fewshot study: leave it out.")
    if record.get("version") != VERSION:
        raise UserError(
            f"{path} is of version {record.get('version')!r} of the answers, which this "
            f"tf-fewshot does not know; it knows {VERSION}."
        )
    study, person, right = (record.get(name) for name in ("study", "person", "right"))
    if not _is_hex(study) or not _is_hex(person) or not _are_booleans(right):
        raise UserError(f"{path} is damaged: ask for it again, or leave it out.")
    return Answers(path, study, person, tuple(right))


def _is_hex(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]+", value) is not None


def _are_booleans(value: Any) -> TypeGuard[list[bool]]:
    return isinstance(value, list) and value != [] and all(isinstance(v, bool) for v in value)


def pool_answers(places: str | os.PathLike | Sequence[str | os.PathLike]) -> Pooled:
    """Counts the right answers of many people to one page.

    Args:
        places: Files that the page saved, or folders whose ``.json`` files are such.

    Raises:
        UserError: if there are none, one is damaged, or they are of different pages; it names
            the file.
    """
    places = [places] if isinstance(places, str | os.PathLike) else places
    files = [file for place in places for file in _files(Path(place))]
    if not files:
        raise UserError("There are no files of answers to pool.")
    by_person: dict[str, Answers] = {}
    repeated = []
    for answers in map(read_answers, files):
        first = next(iter(by_person.values()), answers)
        if answers.study != first.study:
            raise UserError(
                f"{answers.path} answers another page (study {answers.study[:8]}) than "
                f"{first.path} (study {first.study[:8]}): pool the answers of one page at a time."
            )
        before = by_person.setdefault(answers.person, answers)
        if before.right != answers.right or len(answers.right) != len(first.right):
            other = first if before is answers else before
            raise UserError(
                f"{answers.path} is damaged or was changed: it does not fit {other.path}."
            )
        if before is not answers:
            repeated.append(answers.path)
    marks = [mark for answers in by_person.values() for mark in answers.right]
    return Pooled(
        study=next(iter(by_person.values())).study,
        people=len(by_person),
        rounds=len(marks),
        right=sum(marks),
        interval=wilson_interval(sum(marks), len(marks)),
        repeated=tuple(repeated),
    )


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    files = sorted(path for path in place.glob("*.json") if not path.name.startswith("."))
    if not files:
        raise UserError(f"There are no .json files in {place}.")
    return files
