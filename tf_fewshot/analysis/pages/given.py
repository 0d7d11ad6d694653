"""Pictures that an analysis is given, and what must be said of them."""

from __future__ import annotations

import os

from ...data.load import load_pictures
from ...data.pictures import Pictures
from ..subjects import Subject

Place = Pictures | str | os.PathLike


def pictures_for(subject: Subject, place: Place, limit: int | None = None) -> Pictures:
    """Returns pictures at the size, and with the channels, that a generator draws.

    Args:
        subject: The generator.
        place: The pictures, or where they are.
        limit: At most so many, the first ones; None takes all.

    Raises:
        UserError: if they cannot be read, or there are none.
    """
    *size, channels = subject.gan.image_shape
    if not isinstance(place, Pictures):
        return load_pictures(place, tuple(size), limit, channels=channels)
    shown = place if limit is None else place.take(min(limit, len(place)))
    return shown.resized(tuple(size)).in_channels(channels)


def remarks(*sets: Pictures | None) -> tuple[str, ...]:
    """Says what was done to pictures when they were read (cropped, converted, …), for people."""
    return tuple(f"Of {s.source}: {'; '.join(s.notes)}." for s in sets if s is not None and s.notes)
