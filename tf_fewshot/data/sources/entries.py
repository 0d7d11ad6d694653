"""What a place of pictures is, whatever its kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from ...choices import Choices


@dataclasses.dataclass(frozen=True)
class Entry:
    """One picture that has not been read yet.

    Attributes:
        name: What its place calls it.
        open: Returns it opened, and not yet loaded.
        label: The number of its class, or None.
        latent: float32 ``[D]`` that it was drawn from, or None.
    """

    name: str
    open: Callable[[], Image.Image]
    label: int | None = None
    latent: np.ndarray | None = None


@dataclasses.dataclass
class Source:
    """The pictures of one place, in their order, and notes about it for people.

    Attributes:
        entries: The pictures.
        notes: One sentence for each thing that people should know of how it was read.
        choices: What the components of latents stand for, or None.
        classes_by: What the classes were told by, such as "sub-folders"; "" if it has none.
        class_names: Names of classes by their numbers; a class without a name is not in it.
    """

    entries: list[Entry]
    notes: list[str] = dataclasses.field(default_factory=list)
    choices: Choices | None = None
    classes_by: str = "labels"
    class_names: Mapping[int, str] = dataclasses.field(default_factory=dict)
