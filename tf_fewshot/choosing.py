"""Automatic choice of the method.

What is measured on the pictures before training decides; docs/choosing.md has what it was tried on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from . import methods
from . import settings as settings_
from .backbones import GAN, BackboneError
from .data.augment import to_float
from .data.collages import Collages
from .data.pictures import Pictures
from .errors import UserError
from .features import lpips
from .losses.perceptual import enlarged
from .methods.cells.parts import Parts
from .methods.method import RunDefaults
from .training.assemble import check_parts

AUTO = "auto"

# Fewer pictures have no halves of which one could stand for what is unseen.
_LEAST = 4
# How often they are halved, how many collages and mixtures are made of one half, and how many
# pictures are looked at.
_HALVINGS, _DRAWN, _LOOKED_AT = 4, 32, 24
# Larger pictures are looked at in this size: vectors of LPIPS grow with the pixels.
_LARGEST = 64

# What is taken; the second needs least of a source.
_COLLAGE, _WHOLE = "collage", "update_all"


@dataclasses.dataclass(frozen=True)
class Choice:
    """A method, and the reason for it.

    Attributes:
        method: Its name.
        why: One sentence for people.
    """

    method: str
    why: str


def run_of(changes: Mapping[str, Any]) -> RunDefaults:
    """Returns the settings of the loop, which every method has, with these changes.

    Raises:
        UserError: for other settings, since the method is not chosen yet.
    """
    own = RunDefaults()
    known = settings_.settings([own])
    for name in changes:
        if name not in known:
            raise UserError(
                f"{name} is a setting of some methods, and the method is not chosen yet: name one, "
                f"as in method='collage'. Without a name only {', '.join(known)} can be set."
            )
    return settings_.changed(own, settings_.checked([own], changes, "setting of the run"))


def choose(source: GAN, pictures: Pictures) -> Choice:
    """Chooses a method by what can be measured before training.

    Where parts of different pictures make pictures of the same kind, ``collage`` draws more than it
    was shown. So half of the pictures is looked at: are the others nearer to collages of it than
    to mixtures of it, which is what other reconstructions draw between pictures?

    Args:
        source: The GAN to be adapted.
        pictures: The training pictures at its size.

    Raises:
        UserError: if LPIPS is not there.
    """
    count = len(pictures)
    words = f"{count} picture{'s' * (count > 1)}"
    if count < _LEAST:
        return Choice(_WHOLE, f"of {words} nothing can be held back to try others on.")
    if not _fits(_COLLAGE, source):
        return Choice(_WHOLE, f"the source cannot draw parts of different pictures ({words}).")
    collages, mixtures = unseen_distances(pictures)
    numbers = (
        f"of {words}, half of them are {collages:.2f} times as far from collages of the others as "
        f"from these themselves, and {mixtures:.2f} times from mixtures (LPIPS)"
    )
    if collages < mixtures:
        return Choice(_COLLAGE, f"{numbers}: their parts go together.")
    return Choice(_WHOLE, f"{numbers}: their parts do not go together.")


def _fits(name: str, source: GAN) -> bool:
    """Returns whether a source has what a method needs."""
    method = methods.get(name)
    try:
        check_parts(method, source)
        method.latents.extend(source, 1)
    except (UserError, BackboneError):
        return False
    return True


def unseen_distances(pictures: Pictures) -> tuple[float, float]:
    """Measures how near collages and mixtures of some pictures come to others.

    Args:
        pictures: At least 4; the first 24 are looked at, in 64 pixels at most.

    Returns:
        The mean LPIPS of one half of them to the nearest of collages of the other half, and to the
        nearest of its mixtures (means with weights of a Dirichlet distribution, which are mostly
        of few pictures), both in units of the LPIPS to the nearest picture of that half. Means
        over some halvings.
    """
    height, width = pictures.images.shape[1:3]
    shrink = max(1.0, max(height, width) / _LARGEST)
    some = pictures.take(min(len(pictures), _LOOKED_AT))
    images = some.resized((round(height / shrink), round(width / shrink))).images
    whole = _embedded(to_float(images))
    cell = Parts()
    ratios = []
    for number in range(_HALVINGS):
        drawn = np.random.default_rng(number)
        order = drawn.permutation(len(images))
        shown, held = np.split(order, [(len(order) + 1) // 2])
        make = Collages(images[shown], cell.parts, cell.colours, cell.seam)
        chosen = drawn.integers(len(shown), size=(_DRAWN, make.choices)).astype(np.int32)
        weights = drawn.dirichlet(np.full(len(shown), 0.5), size=_DRAWN).astype(np.float32)
        mixed = tf.tensordot(weights, to_float(images[shown]), 1).numpy()
        themselves = _nearest(whole[held], whole[shown])
        others = (_embedded(make(chosen)), _embedded(mixed))
        ratios.append([_nearest(whole[held], some) / max(themselves, 1e-6) for some in others])
    collages, mixtures = np.mean(ratios, 0)
    return float(collages), float(mixtures)


def _embedded(images: Any) -> np.ndarray:
    return lpips("alex").embed(np.asarray(enlarged(images)))


def _nearest(some: np.ndarray, others: np.ndarray) -> float:
    """Returns the mean distance of some vectors to the nearest of others."""
    squares = np.square(some).sum(1)[:, None] + np.square(others).sum(1)[None]
    # Of NumPy's BLAS threads wait for each other by turning in circles: where another program has
    # the second core, this small product took a second.
    products = tf.matmul(some, others, transpose_b=True).numpy()
    return float(np.maximum(squares - 2.0 * products, 0.0).min(1).mean())
