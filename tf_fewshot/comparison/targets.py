"""The new domains of a comparison: what is trained on, and what samples are held against."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import re
from pathlib import Path

import numpy as np

from ..data.load import load_pictures
from ..data.pictures import Pictures
from ..data.resize import ImageSize
from ..errors import UserError
from ..export.origin import public_path


@dataclasses.dataclass(frozen=True)
class Target:
    """A new domain, as it is given.

    Attributes:
        name: What results call it: letters, digits, and ``. _ -``.
        training: Where the training pictures are (see
            :func:`tf_fewshot.data.load.load_pictures`), or the name of bundled samples.
        evaluation: Where other real pictures of the domain are. None: those of
            ``training`` that no trial trains on.
    """

    name: str
    training: str
    evaluation: str | None = None

    def __post_init__(self):
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise UserError(
                f"A target's name is made of letters, digits, '.', '_' and '-', not {self.name!r}: "
                "write NAME=TRAINING:EVALUATION."
            )

    @classmethod
    def parse(cls, text: str) -> Target:
        """Reads ``[NAME=]TRAINING[:EVALUATION]``.

        The name is that of the training pictures if it is left out. Where places have
        colons themselves (``tfds:NAME:SPLIT``), two colons stand between them.
        """
        name, equals, rest = text.partition("=")
        named = equals and "/" not in name and not Path(text).expanduser().exists()
        rest = rest if named else text
        training, evaluation = rest, ""
        if "::" in rest:
            training, _, evaluation = rest.partition("::")
        elif not rest.startswith("tfds:") and not Path(rest).expanduser().exists():
            training, _, evaluation = rest.partition(":")
        if not training:
            raise UserError(f"The target {text!r} names no pictures: write NAME=TRAINING.")
        if not named:
            name = re.sub(r"[^\w.-]+", "-", Path(training.rstrip("/")).name).strip("-.")
        return cls(name, training, evaluation or None)

    def load(self, size: ImageSize, most: int, on_error: str = "raise") -> Domain:
        """Loads the pictures.

        Args:
            size: Side in pixels, or (height, width).
            most: At most so many training pictures, the first ones.
            on_error: "raise" or "skip" for pictures that cannot be used.

        Raises:
            UserError: if the pictures cannot be read.
        """
        limit = None if self.evaluation is None else most
        training = load_pictures(_place(self.training), size, limit=limit, on_error=on_error)
        if self.evaluation is None:
            cut = min(most, len(training))
            rest = training.select(np.arange(cut, len(training)))
            reference = dataclasses.replace(
                rest, source=f"{training.source} without its first {cut}"
            )
            training = training.take(cut)
        else:
            reference = load_pictures(_place(self.evaluation), size, on_error=on_error)
        return Domain(self.name, _handed_on(training), _handed_on(reference))


@dataclasses.dataclass(frozen=True, eq=False)
class Domain:
    """The pictures of a target at the generator's size.

    Attributes:
        name: Of the target.
        training: The first pictures of the source of them, as many as the largest trial
            takes or fewer.
        reference: Real pictures that samples are compared with; there may be none.
    """

    name: str
    training: Pictures
    reference: Pictures

    @functools.cached_property
    def notes(self) -> list[str]:
        """What to know of the pictures before comparing, a sentence each."""
        notes = [f"{self.name}: {n}" for n in dict.fromkeys(self.training.notes)]
        if self.training.notes != self.reference.notes:
            notes += [f"{self.name}, evaluation: {n}" for n in self.reference.notes]
        trained_on = {image.tobytes() for image in self.training.images}
        shared = sum(image.tobytes() in trained_on for image in self.reference.images)
        if shared:
            notes.append(
                f"{self.name}: {shared} of {len(self.reference)} evaluation pictures are equal to "
                "training pictures, which flatters methods that learn by heart"
            )
        return notes


def _handed_on(pictures: Pictures) -> Pictures:
    """Returns pictures without the folders of this machine in their name: results are shared."""
    return dataclasses.replace(pictures, source=public_path(pictures.source))


def _place(path: str) -> str:
    """Returns the path, or if nothing is there that of the bundled samples of that name."""
    if path.startswith("tfds:") or Path(path).expanduser().exists():
        return path
    bundled = importlib.resources.files("tf_fewshot") / "samples" / path
    known = Path(str(bundled))
    return str(known) if known.is_dir() and "/" not in path and path.strip(".") else path
