"""The latent of an avatar: what DiceBear chose for it, as numbers of a normal distribution.

DiceBear draws an avatar from independent choices: which variant of each part, which colour, where
and how large. A choice among n alike variants takes n components of the latent, the largest of
which is the one of the variant; every other choice takes one component, the quantile of the number
that decided it: where it decides whether there is a part, with a threshold. What a choice leaves
open is drawn at random. Over all avatars of a style, latents are then normally distributed, as a
generator's are, as far as its choices are independent and its variants as likely: where a colour
must not be that of another part, or one variant comes more often than the others, they are not
quite.

Several styles share their components: the choice of each style that has most variants lies in the
first slot, the next one in the second, and so on.
"""

from __future__ import annotations

import builtins
import concurrent.futures
import functools
import io
import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.special
from PIL import Image

from ..choices import Choices
from .avatars import dicebear, rasterised, style_of

# Choices that show in one of so many avatars are those of a style.
_LOOKED_AT = 1000
# What moves later than the picture is taken.
_UNSEEN = "animation"
# Numbers that go in more steps than this are taken as without.
_STEPS = 16


class Kind(NamedTuple):
    """What can be chosen.

    Attributes:
        variants: Those it is chosen among, all taken as alike; empty if a number decides.
        threshold: Below which number there is a part, and above which there is none; 0 where
            each number in [0, 1) is another picture.
    """

    variants: Sequence[str] = ()
    threshold: float = 0.0


class Decision(NamedTuple):
    """What was chosen: a variant, or a number in [0, 1)."""

    value: Any
    kind: Kind


@functools.lru_cache(maxsize=128)
def choices_of(style: str) -> dict[str, Kind]:
    """Returns the choices of a style by DiceBear's keys.

    Those that have most variants are first. Choices of another kind follow, which have none, those
    that show most often first.

    Raises:
        UserError: if there is no such style, or DiceBear is not installed.
    """
    counts: dict[str, int] = {}
    variants: dict[str, set[str]] = {}
    thresholds: dict[str, float] = {}
    for seed in range(_LOOKED_AT):
        for key, (_, kind) in decisions(style, seed).items():
            counts[key] = counts.get(key, 0) + 1
            variants.setdefault(key, set()).update(kind.variants)
            thresholds[key] = kind.threshold
    ordered = sorted(counts, key=lambda key: (-len(variants[key]), -counts[key], key))
    return {key: Kind(tuple(sorted(variants[key])), thresholds[key]) for key in ordered}


def layout(*of_styles: Mapping[str, Kind]) -> Choices:
    """Returns which components stand for which choices, in latents of several styles.

    Args:
        *of_styles: The :func:`choices_of` of each of them.
    """
    of_slots = [
        [len(kind.variants) for kind in kinds.values() if kind.variants] for kinds in of_styles
    ]
    of_single = [
        [kind.threshold for kind in kinds.values() if not kind.variants] for kinds in of_styles
    ]
    slots = list(map(max, itertools.zip_longest(*of_slots, fillvalue=0)))
    quantiles = max(map(len, of_single))
    variants = [
        [*row, *[0] * (len(slots) - len(row)), len(single)]
        for row, single in zip(of_slots, of_single, strict=True)
    ]
    # As they are after being written as float32.
    thresholds = [
        [*np.asarray(row, np.float32).tolist(), *[0.0] * (quantiles - len(row))]
        for row in of_single
    ]
    return Choices(slots, quantiles, variants, thresholds if np.any(thresholds) else [])


def latent_of(style: str, seed: int, choices: Choices) -> np.ndarray:
    """Returns a latent of an avatar, float32 ``[choices.size]``.

    Args:
        style: Name of a DiceBear style.
        seed: The avatar's; it also decides what is drawn at random.
        choices: A :func:`layout` of styles of which this is one.
    """
    return _latent(style, seed, choices, decisions(style, seed))


def _latent(style: str, seed: int, choices: Choices, decided: Mapping[str, Decision]) -> np.ndarray:
    """Returns the latent of an avatar of which it is known what was decided."""
    rng = np.random.default_rng([seed, *style.encode()])
    z = rng.standard_normal(choices.size).astype(np.float32)
    *firsts, end = choices.first
    slots, single = iter(firsts), itertools.count(end)
    for key, (variants, _) in choices_of(style).items():
        first = next(slots) if variants else next(single)
        if key not in decided:
            continue
        value, part = decided[key].value, z[first : first + max(1, len(variants))]
        if not variants:
            # At the ends of the range the quantile is infinite.
            part[0] = scipy.special.ndtri(np.clip(value, 1e-4, 1.0 - 1e-4))
        elif value in variants:
            largest, chosen = int(part.argmax()), variants.index(value)
            part[largest], part[chosen] = part[chosen], part[largest]
    return z


def decisions(style: str, seed: int) -> dict[str, Decision]:
    """Returns what DiceBear decides for an avatar, by its keys."""
    return _resolved(style, seed)[1]


def _resolved(style: str, seed: int) -> tuple[str, dict[str, Decision]]:
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
            self.decided: dict[str, Decision] = {}

        def pick(self, key, items):
            return self._noted(key, super().pick(key, items), items)

        def weighted_pick(self, key, weights):
            # Those of weight 0 are never drawn.
            among = [variant for variant, weight in weights.items() if weight] or weights
            return self._noted(key, super().weighted_pick(key, weights), among)

        def bool(self, key, likelihood=50):
            if 0 < likelihood < 100:
                self._number(key, likelihood / 100)
            return super().bool(key, likelihood)

        def float(self, key, range):
            low, high = sorted((range["min"], range["max"]))
            step = range.get("step", 0)
            value = super().float(key, range)
            among = math.floor((high - low) / step) + 1 if step > 0 else 0
            if 0 < among <= _STEPS:
                steps = [low + i * step for i in builtins.range(among)]
                self._noted(key, min(steps, key=lambda at: abs(at - value)), steps)
            elif low != high:
                self._number(key)
            return value

        def integer(self, key, range):
            self._number(key)
            return super().integer(key, range)

        def shuffle(self, key, items):
            shuffled = super().shuffle(key, items)
            # Of colours the first is seen.
            self._noted(key, shuffled[0] if shuffled else None, items)
            return shuffled

        def _noted(self, key, taken, among):
            variants = tuple(sorted(set(map(str, among))))
            if len(variants) > 1:
                self.decided[key] = Decision(str(taken), Kind(variants))
            return taken

        def _number(self, key, threshold=0.0):
            self.decided[key] = Decision(self.get_value(key), Kind((), threshold))

    return Recorder


def draw_arrays(
    styles: Sequence[str], first: int, count: int, size: int, latents: bool = False
) -> dict[str, np.ndarray]:
    """Draws avatars of several styles on all processors, each style a class.

    Args:
        styles: Their names; the numbers of the classes are those of this order.
        first: First seed.
        count: Avatars of each style.
        size: Width and height in pixels.
        latents: Whether what they are drawn from is wanted, too.

    Returns:
        ``images`` uint8 ``[N, size, size, 3]`` and ``labels`` int32 ``[N]``; with latents also
        float32 ``latents`` ``[N, D]`` and the arrays of :class:`.pictures.Choices`: what
        :func:`tf_fewshot.data.load.load_pictures` reads from an .npz.

    Raises:
        UserError: if there is no such style, or DiceBear is not installed.
    """
    for style in styles:
        style_of(style)
    n = len(styles)
    with concurrent.futures.ProcessPoolExecutor(min(os.cpu_count() or 1, n)) as pool:
        choices = None
        if latents:
            choices = layout(*pool.map(choices_of, styles))
        jobs = [(style, first, count, size, choices) for style in styles]
        parts = list(pool.map(_drawn, *zip(*jobs, strict=True)))
    arrays = {
        "images": np.concatenate([images for images, _ in parts]),
        "labels": np.repeat(np.arange(n, dtype=np.int32), count),
    }
    if choices is not None:
        arrays["latents"] = np.concatenate([part for _, part in parts if part is not None])
        arrays |= choices.arrays()
    return arrays


def _drawn(style: str, first: int, count: int, size: int, choices: Choices | None):
    seeds = range(first, first + count)
    images = np.empty((count, size, size, 3), np.uint8)
    latents = None if choices is None else np.empty((count, choices.size), np.float32)
    for i, seed in enumerate(seeds):
        svg, decided = _resolved(style, seed)
        if choices is not None and latents is not None:
            latents[i] = _latent(style, seed, choices, decided)
        with Image.open(io.BytesIO(rasterised(svg, size))) as image:
            images[i] = np.asarray(image.convert("RGB"))
    return images, latents
