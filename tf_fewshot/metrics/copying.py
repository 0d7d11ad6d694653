"""Whether samples are copies of the training pictures, judged by pictures that are none."""

from __future__ import annotations

import numpy as np

from ..errors import UserError
from .embeddings import Embeddings, distances
from .metric import Inputs, Metric

UNSEEN_SHARE = 0.05


def copied_share(
    generated: np.ndarray, unseen: np.ndarray, share: float = UNSEEN_SHARE
) -> tuple[float, float]:
    """Computes the share of samples that lie nearer to a training picture than unseen ones do.

    Args:
        generated: Distance of each generated picture to its nearest training picture, ``[M]``.
        unseen: The same of real pictures of the domain that were not trained on, ``[N]``.
        share: The share of the unseen pictures that may be as near.

    Returns:
        The share of the generated pictures that are nearer than that quantile of the unseen ones:
        about ``share`` where they are distributed alike, 1 where all are copies. And the quantile.

    Raises:
        UserError: if there are too few unseen pictures to have such a quantile.
    """
    if len(unseen) * share < 1:
        raise UserError(
            f"That {share:.0%} of the unseen pictures are nearer can be said of at least "
            f"{int(np.ceil(1 / share))}, not of {len(unseen)}."
        )
    threshold = float(np.quantile(np.asarray(unseen, np.float64), share))
    return float((np.asarray(generated) < threshold).mean()), threshold


def _measure(inputs: Inputs) -> dict:
    training = inputs.training_embeddings
    assert inputs.training is not None
    size = inputs.fake.shape[1:3]
    reference = inputs.reference.resized(size).images
    new = ~among(reference, inputs.training.resized(size).images)
    if not new.any():
        raise UserError(
            "All reference pictures were trained on: copied needs pictures that were not."
        )
    note = f"{(~new).sum()} reference pictures that were trained on are left out"
    unseen = distances(Embeddings(inputs.lpips.embed, reference[new]), training).min(1)
    generated = distances(inputs.fake_embeddings, training).min(1)
    value, threshold = copied_share(generated, unseen)
    return {
        "value": value,
        "num_real": int(new.sum()),
        **inputs.lpips_facts(),
        "threshold": threshold,
        "nearest": float(generated.mean(dtype=np.float64)),
        "nearest_of_unseen": float(unseen.mean(dtype=np.float64)),
        "note": None if new.all() else note,
    }


def among(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns whether one of ``others`` has the same pixels as each of ``images``: bool ``[N]``.

    Args:
        images, others: uint8 ``[N, H, W, 3]`` of one size.
    """
    known = {other.tobytes() for other in others}
    return np.array([image.tobytes() in known for image in images], bool)


COPIED = Metric(
    "copied",
    _measure,
    "share of samples nearer to a training picture than 95 % of unseen pictures are",
    min_real=int(np.ceil(1 / UNSEEN_SHARE)),
    needs_training=True,
    better="lower",
)
