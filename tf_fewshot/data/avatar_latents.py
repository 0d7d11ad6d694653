"""The latent of an avatar: what DiceBear chose for it, as numbers of a normal distribution.

DiceBear draws an avatar from independent choices: which variant of each part, which colour, where
and how large. Each choice among n alike variants takes n components of the latent, the largest of
which is the one of the variant; every other choice takes one component, the quantile of the number
that decided it. What a choice leaves open is drawn at random. Over all avatars of a style, latents
are then normally distributed, as a generator's are, as far as its choices are independent: where a
colour must not be that of another part, they are not quite.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.special
from PIL import Image

from ..errors import UserError
from .avatars import dicebear, rasterised, style_of

# Choices that show in one of so many avatars are those of a style.
_LOOKED_AT = 1000
# What moves later than the picture is taken.
_UNSEEN = "animation"


@dataclasses.dataclass(frozen=True)
class Choice:
    """One choice of a style.

    Attributes:
        variants: Among which it is, in order; none for a choice of another kind.
        first: The first of its components.
    """

    variants: tuple[str, ...]
    first: int

    @property
    def size(self) -> int:
        """How many components it takes."""
        return max(1, len(self.variants))


@functools.lru_cache(maxsize=128)
def layout(style: str) -> dict[str, Choice]:
    """Returns the choices of a style by DiceBear's keys, those that show most often first.

    Raises:
        UserError: if there is no such style, or DiceBear is not installed.
    """
    counts: dict[str, int] = {}
    variants: dict[str, set[str]] = {}
    for seed in range(_LOOKED_AT):
        for key, (_, among) in decisions(style, seed).items():
            counts[key] = counts.get(key, 0) + 1
            variants.setdefault(key, set()).update(among)
    choices, first = {}, 0
    for key in sorted(counts, key=lambda key: (-counts[key], key)):
        choices[key] = Choice(tuple(sorted(variants[key])), first)
        first += choices[key].size
    return choices


def latents_size(style: str) -> int:
    """Returns how many components the latent of a style takes at least."""
    return sum(choice.size for choice in layout(style).values())


def latent_of(style: str, seed: int, size: int) -> np.ndarray:
    """Returns a latent of an avatar, float32 ``[size]``.

    Args:
        style: Name of a DiceBear style.
        seed: The avatar's; it also decides what is drawn at random.
        size: Components; those that no choice takes are drawn at random.

    Raises:
        UserError: if the style needs more components.
    """
    return _latent(style, seed, size, decisions(style, seed))


def _latent(
    style: str, seed: int, size: int, decided: Mapping[str, tuple[Any, tuple[str, ...]]]
) -> np.ndarray:
    """Returns the latent of an avatar of which it is known what was decided."""
    needed = latents_size(style)
    if size < needed:
        raise UserError(f"Latents of {style} need {needed} components or more, not {size}.")
    z = np.random.default_rng([seed, *style.encode()]).standard_normal(size).astype(np.float32)
    choices = layout(style)
    for key, (value, _) in decided.items():
        choice = choices.get(key)
        if choice is None:
            continue
        part = z[choice.first : choice.first + choice.size]
        if not choice.variants:
            # At the ends of the range the quantile is infinite.
            part[0] = scipy.special.ndtri(np.clip(value, 1e-4, 1.0 - 1e-4))
        elif value in choice.variants:
            largest, chosen = int(part.argmax()), choice.variants.index(value)
            part[largest], part[chosen] = part[chosen], part[largest]
    return z


def decisions(style: str, seed: int) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """Returns what DiceBear decides for an avatar, by its keys.

    Each is the variant that was taken and those it was taken among, all as likely; or a number in
    [0, 1) that decided, and nothing.
    """
    return _resolved(style, seed)[1]


def _resolved(style: str, seed: int) -> tuple[str, dict[str, tuple[Any, tuple[str, ...]]]]:
    """Returns the SVG of an avatar, and what :func:`decisions` says of it."""
    definition, name = style_of(style)[0], str(seed)
    resolver = dicebear("resolver").Resolver(
        definition, dicebear("options").Options({"seed": name})
    )
    # As DiceBear's Avatar does it, but for the numbers' being noted.
    resolver._prng = recorder = _recorder()(name)
    svg = dicebear("renderer").Renderer(definition, resolver).render()
    return svg, {k: v for k, v in recorder.decided.items() if not k.startswith(_UNSEEN)}


@functools.lru_cache(maxsize=1)
def _recorder() -> Any:
    """Returns a subclass of DiceBear's generator of random numbers that notes what it decides."""

    class Recorder(dicebear("prng").Prng):
        def __init__(self, seed):
            super().__init__(seed)
            self.decided: dict[str, tuple[Any, tuple[str, ...]]] = {}

        def pick(self, key, items):
            return self._noted(key, super().pick(key, items), items)

        def weighted_pick(self, key, weights):
            if len(set(weights.values())) > 1:
                self.decided[key] = (self.get_value(key), ())
                return super().weighted_pick(key, weights)
            return self._noted(key, super().weighted_pick(key, weights), weights)

        def bool(self, key, likelihood=50):
            if 0 < likelihood < 100:
                self.decided[key] = (self.get_value(key), ())
            return super().bool(key, likelihood)

        def float(self, key, range):
            if range["min"] != range["max"]:
                self.decided[key] = (self.get_value(key), ())
            return super().float(key, range)

        def integer(self, key, range):
            self.decided[key] = (self.get_value(key), ())
            return super().integer(key, range)

        def shuffle(self, key, items):
            shuffled = super().shuffle(key, items)
            # Of colours the first is seen.
            self._noted(key, shuffled[0] if shuffled else None, items)
            return shuffled

        def _noted(self, key, taken, among):
            variants = tuple(sorted(set(map(str, among))))
            if len(variants) > 1:
                self.decided[key] = (str(taken), variants)
            return taken

    return Recorder


def draw_arrays(
    styles: Sequence[str], first: int, count: int, size: int, latent_size: int | None
) -> dict[str, np.ndarray]:
    """Draws avatars of several styles on all processors, each style a class.

    Args:
        styles: Their names; the numbers of the classes are those of this order.
        first: First seed.
        count: Avatars of each style.
        size: Width and height in pixels.
        latent_size: Components of their latents; None leaves these out.

    Returns:
        ``images`` uint8 ``[N, size, size, 3]``, ``labels`` int32 ``[N]``, and float32 ``latents``
        ``[N, latent_size]``: what :func:`tf_fewshot.data.load.load_pictures` reads from an .npz.

    Raises:
        UserError: if there is no such style, it needs more components, or DiceBear is not
            installed.
    """
    for style in styles:
        style_of(style)
    with concurrent.futures.ProcessPoolExecutor(min(os.cpu_count() or 1, len(styles))) as pool:
        jobs = [(style, first, count, size, latent_size) for style in styles]
        parts = list(pool.map(_drawn, *zip(*jobs, strict=True)))
    arrays = {
        "images": np.concatenate([images for images, _ in parts]),
        "labels": np.repeat(np.arange(len(styles), dtype=np.int32), count),
    }
    if latent_size is not None:
        arrays["latents"] = np.concatenate([part for _, part in parts if part is not None])
    return arrays


def _drawn(style: str, first: int, count: int, size: int, latent_size: int | None):
    seeds = range(first, first + count)
    images = np.empty((count, size, size, 3), np.uint8)
    latents = None if latent_size is None else np.empty((count, latent_size), np.float32)
    for i, seed in enumerate(seeds):
        svg, decided = _resolved(style, seed)
        if latents is not None:
            latents[i] = _latent(style, seed, latents.shape[1], decided)
        with Image.open(io.BytesIO(rasterised(svg, size))) as image:
            images[i] = np.asarray(image.convert("RGB"))
    return images, latents
