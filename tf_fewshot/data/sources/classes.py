"""Which class each picture of a folder or archive is of.

NVIDIA's dataset tool (``dataset_tool.py`` of StyleGAN2-ADA and StyleGAN3) sorts pictures into
folders of a thousand, which mean nothing, and writes their labels into ``dataset.json``. Other
people's folders are sub-folders by class.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ...errors import UserError

LABELS_FILE = "dataset.json"
"""The file in which NVIDIA's dataset tool keeps labels."""

_SHOWN = 20
_MAX_LABEL = int(np.iinfo(np.int32).max)
# Names that folders have for other reasons than what the pictures show.
_PARTS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"}
_PARTS |= {"images", "image", "imgs", "img", "pictures", "photos", "data", "dataset", "raw"}
_PARTS |= {"masks", "labels", "annotations", "thumbs", "thumbnails"}
_NUMBERED = re.compile(r"(?:shard|part|chunk|batch|folder|dir)[-_ ]?\d+|\d{3,}(?:-of-\d+)?")
# How NVIDIA's tool names its pictures: 00003/img00003999.png.
_RUNNING = re.compile(r"(\d{5})/img(\d{5})\d{3}\.\w+")


@dataclasses.dataclass(frozen=True)
class Told:
    """What is known of the classes of some pictures.

    Attributes:
        labels: A number for each picture, or None.
        names: Names of classes by number.
        by: What told them.
        notes: For people.
    """

    labels: Sequence[int | None]
    names: Mapping[int, str] = dataclasses.field(default_factory=dict)
    by: str = ""
    notes: Sequence[str] = ()


def classes_of(names: Sequence[str], tables: Mapping[str, bytes], place: str) -> Told:
    """Returns the classes of pictures.

    Args:
        names: Of the pictures, with "/" between folders.
        tables: The content of every ``dataset.json``, by its name.
        place: Where they are, for messages.

    Raises:
        UserError: if such a file is no JSON, or its labels are not of the tool's form.
    """
    notes: list[str] = []
    found: dict[str, Any] = {}
    decided = False
    for table, content in tables.items():
        labels = _labels_of(table, content, place)
        if labels is _OF_OTHERS:
            notes.append(
                f"{table} was ignored: it has no 'labels', as NVIDIA's dataset tool writes"
            )
            continue
        decided = True
        folder = PurePosixPath(table).parent
        found |= {(folder / name).as_posix(): label for name, label in labels.items()}
    if not decided:
        told = _by_folder(names)
        return dataclasses.replace(told, notes=[*notes, *told.notes])
    if not found:
        notes.append(f"there are no classes: {LABELS_FILE} has none")
        return Told([None] * len(names), notes=notes)
    lacking = [name for name in names if name not in found]
    if lacking:
        notes.append(
            f"{len(lacking)} of {len(names)} pictures are not in {LABELS_FILE}: {lacking[0]}"
        )
    return Told([found.get(name) for name in names], by=LABELS_FILE, notes=notes)


_OF_OTHERS: dict[str, int] = {}


def _labels_of(table: str, content: bytes, place: str) -> dict[str, int]:
    """Returns labels by name, none where the file says so, or ``_OF_OTHERS``."""
    try:
        data = json.loads(content)
    # Deeply nested brackets end in a RecursionError.
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{table} in {place} cannot be read as JSON ({error}): mend it, or remove it to have "
            "the sub-folders as classes."
        ) from error
    if not isinstance(data, dict) or "labels" not in data:
        return _OF_OTHERS
    labels = data["labels"]
    if labels is None:
        return {}
    try:
        pairs = {name.replace("\\", "/"): label for name, label in labels}
        return {name: _whole(label) for name, label in pairs.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"The labels of {table} in {place} must be a list of [name, whole number], or null: "
            f"{' '.join(str(error).split())}. Mend it, or remove it."
        ) from error


def _whole(label: Any) -> int:
    """Returns a label as a number; one that is all 0 but for one 1 is the place of that."""
    if isinstance(label, list):
        if sorted(label) != [0] * (len(label) - 1) + [1]:
            raise ValueError("a label of several numbers is no class unless one is 1 and others 0")
        return label.index(1)
    if isinstance(label, bool) or int(label) != label or not 0 <= label <= _MAX_LABEL:
        raise ValueError(f"{label!r} is no number of a class")
    return int(label)


def _by_folder(names: Sequence[str]) -> Told:
    """Returns classes by sub-folder, in the order of their names.

    They are None if a picture lies beside the sub-folders, or there are not two of them.
    Folders that hold all are passed over.
    """
    none = [None] * len(names)
    parts = [PurePosixPath(name).parts for name in names]
    while all(len(p) > 1 for p in parts) and len({p[0] for p in parts}) == 1:
        parts = [p[1:] for p in parts]
    folders = sorted({p[0] for p in parts if len(p) > 1})
    beside = [p[0] for p in parts if len(p) == 1]
    if beside:
        note = f"sub-folders are no classes here, since pictures lie beside them: {beside[0]}"
        return Told(none, notes=[note] if len(folders) > 1 else [])
    if not folders:
        return Told(none)
    if all(_is_running("/".join(p)) for p in parts):
        note = f"{len(folders)} folders numbered by NVIDIA's dataset tool are no classes"
        return Told(none, notes=[f"{note}, and there is no {LABELS_FILE} that would tell any"])
    numbers = {name: i for i, name in enumerate(folders)}
    by_number = {i: name for name, i in numbers.items()}
    labels = [numbers[p[0]] for p in parts]
    return Told(labels, by_number, "sub-folders", _doubts(folders))


def _is_running(name: str) -> bool:
    match = _RUNNING.fullmatch(name)
    return match is not None and match[1] == match[2]


def _doubts(folders: Sequence[str]) -> list[str]:
    """Returns a note if sub-folders seem to be there for another reason than classes."""
    parts = [name for name in folders if name.lower() in _PARTS]
    if parts:
        return [
            f"{', '.join(parts)} look like parts of a data set rather than classes: if they are "
            "none, give the folder of one of them"
        ]
    if all(_NUMBERED.fullmatch(name.lower()) for name in folders):
        return [
            f"{folders[0]} to {folders[-1]} look like numbered folders rather than classes: if "
            "they are none, put all pictures into one folder"
        ]
    return []


def counted(labels: np.ndarray, names: Mapping[int, str], by: str) -> str:
    """Returns the classes of pictures in a sentence, with their names and counts.

    Args:
        labels: int ``[N]``.
        names: Names of classes by number, also of those that no picture is of.
        by: What told them.
    """
    counts = Counter(int(label) for label in labels)
    shown = [
        f"{number}{f' {names[number]}' if names.get(number, str(number)) != str(number) else ''} "
        f"({counts[number]:,})"
        for number in sorted(counts)[:_SHOWN]
    ]
    rest = [counts[number] for number in sorted(counts)[_SHOWN:]]
    more = f", and {len(rest):,} more of {min(rest):,} to {max(rest):,}" if rest else ""
    noun = "class" if len(counts) == 1 else "classes"
    missing = [name for number, name in names.items() if number not in counts]
    without = f"; none of the pictures is of {', '.join(missing[:3])}" if missing else ""
    without += ", …" if len(missing) > 3 else ""
    return f"{len(counts):,} {noun} by {by}: {', '.join(shown)}{more}{without}"
