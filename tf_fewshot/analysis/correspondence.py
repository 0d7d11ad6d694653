"""What the same latents are in a source and in what it was adapted to.

Source: Li et al., "Few-shot Image Generation with Elastic Weight Consolidation" (NeurIPS 2020),
figure 7.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..backbones.extensions import FittedLatents
from ..errors import UserError
from .subjects import Subject


def corresponding(subjects: Sequence[Subject], n: int = 8, seed: int = 0) -> np.ndarray:
    """Draws the same latents by several generators.

    Args:
        subjects: A source and adapters of it, two or more.
        n: Number of latents; each is one pass through each generator.
        seed: Of the latents.

    Returns:
        uint8 ``[len(subjects), n, H, W, 3]``.

    Raises:
        UserError: if there is one generator only, or their latents or images differ in size.
    """
    if len(subjects) < 2:
        raise UserError("One domain only corresponds to nothing: give one adapter or more.")
    first = subjects[0]
    for other in subjects[1:]:
        mine = (first.gan.latent_dim, first.gan.image_shape)
        theirs = (other.gan.latent_dim, other.gan.image_shape)
        if mine != theirs:
            raise UserError(
                f"{first.name} and {other.name} differ in the size of latents or images: compare "
                "domains of one source."
            )
    z, labels = first.latents(n, seed), first.labels(n)
    return np.stack([s.images_of(z, labels) for s in subjects])


def without_correspondence(subjects: Sequence[Subject]) -> list[str]:
    """Says of which generators the same latents are other places of the free space.

    Methods that fit latents to pictures draw from what was fitted: its axes are the pictures',
    and no longer those of the source.

    Args:
        subjects: A source and adapters of it.

    Returns:
        A sentence for people, or nothing.
    """
    drawn = [
        s.name for s in subjects if any(isinstance(e, FittedLatents) for e in s.gan.extensions)
    ]
    if not drawn:
        return []
    return [
        f"Samples of {', '.join(drawn)} are drawn around the latents of training pictures: the "
        "same latent is another place there than in the source, and little need stay alike. A "
        "projection shows the same place in every domain."
    ]
