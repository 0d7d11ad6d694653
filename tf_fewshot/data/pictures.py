"""A set of pictures in memory."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..choices import Choices
from ..errors import UserError
from .channels import CHANNELS, with_channels
from .labels import whole_labels
from .resize import ImageSize, fit, image_size


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size, in an order that does not change.

    Attributes:
        images: uint8 ``[N, H, W, C]``: RGB as a rule, grey with 1 channel, RGB with opacity with 4.
        labels: int32 ``[N]``, or None if the source names no classes.
        latents: float32 ``[N, D]``, where it is known what each picture was drawn from; else None.
        choices: What the components of the latents stand for, if that is known; else None.
        names: One name a picture, as its source calls it; numbers if not given.
        source: Where the pictures came from, for messages and records.
        notes: One sentence for each thing that was handled on the way (grey pictures
            made RGB, files ignored, …), for people to read.

    Raises:
        UserError: if the arrays do not have these shapes and types.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    names: list[str] = dataclasses.field(default_factory=list)
    source: str = "array"
    notes: list[str] = dataclasses.field(default_factory=list)
    latents: np.ndarray | None = None
    choices: Choices | None = None

    def __post_init__(self):
        images = self.images
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in CHANNELS:
            raise UserError(
                f"Pictures of {self.source} must be a uint8 array [N, H, W, C] of 1, 3 or 4 "
                f"channels, not {images.dtype} {list(images.shape)}."
            )
        if not self.names:
            object.__setattr__(self, "names", [f"{i:05d}" for i in range(len(images))])
        for kind, values in (
            ("names", self.names),
            ("labels", self.labels),
            ("latents", self.latents),
        ):
            if values is not None and len(values) != len(images):
                raise UserError(f"{len(values)} {kind} for {len(images)} pictures.")
        if self.labels is not None:
            labels, _ = whole_labels(self.labels, len(images), self.source)
            object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[1], self.images.shape[2]

    def fingerprint(self) -> str:
        """Returns the SHA-256 of shape and pixels; names, labels and source do not count."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        return digest.hexdigest()

    def identity(self) -> dict[str, str]:
        """Returns what tells these pictures from others in a run: pixels, and latents if known."""
        facts = {"data_fingerprint": self.fingerprint()}
        if self.latents is not None:
            latents = np.ascontiguousarray(self.latents, np.float32)
            facts["latents_fingerprint"] = hashlib.sha256(latents.tobytes()).hexdigest()
        return facts

    def select(self, indices: Sequence[int] | np.ndarray) -> Pictures:
        """Returns the pictures at ``indices``, in that order."""
        indices = np.asarray(indices, np.int64)
        return dataclasses.replace(
            self,
            images=self.images[indices],
            labels=None if self.labels is None else self.labels[indices],
            latents=None if self.latents is None else self.latents[indices],
            names=[self.names[i] for i in indices],
        )

    @property
    def num_classes(self) -> int:
        """The number of different labels; 0 without labels."""
        return 0 if self.labels is None else len(np.unique(self.labels))

    def with_classes(self, wanted: bool) -> Pictures:
        """Returns the pictures with labels from 0 on without gaps, or without labels.

        A note says which numbers changed.
        """
        if self.labels is None:
            return self
        if not wanted:
            return dataclasses.replace(self, labels=None)
        before, labels = np.unique(self.labels, return_inverse=True)
        notes = self.notes
        if (before != np.arange(len(before))).any():
            changed = [f"{old} is {new}" for new, old in enumerate(before) if old != new]
            more = ", …" if len(changed) > 10 else ""
            notes = [*notes, f"classes were numbered without gaps: {', '.join(changed[:10])}{more}"]
        return dataclasses.replace(self, labels=labels, notes=notes)

    def take(self, n: int) -> Pictures:
        """Returns the first ``n`` pictures.

        Raises:
            UserError: if there are fewer, or ``n`` is below 1.
        """
        if not 1 <= n <= len(self):
            raise UserError(f"Cannot take {n} of the {len(self)} pictures of {self.source}.")
        return self.select(np.arange(n))

    def in_channels(self, channels: int) -> Pictures:
        """Returns the pictures in so many channels (see :func:`.channels.with_channels`)."""
        if self.images.shape[-1] == channels:
            return self
        return dataclasses.replace(self, images=with_channels(self.images, channels))

    def resized(self, size: ImageSize) -> Pictures:
        """Returns the pictures centre-cropped and resized to ``size`` (see :func:`.resize.fit`)."""
        height, width = image_size(size)
        if (height, width) == self.size:
            return self
        channels = self.images.shape[-1]
        images = np.empty((len(self), height, width, channels), np.uint8)
        for i, image in enumerate(self.images):
            whole = Image.fromarray(image[..., 0] if channels == 1 else image)
            images[i] = np.asarray(fit(whole, (height, width))).reshape(images[i].shape)
        return dataclasses.replace(self, images=images)
