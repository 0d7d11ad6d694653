"""Whether a detector tells generated pictures from real ones.

Either a small one that is trained for these very pictures, as Wang et al., "CNN-Generated Images
Are Surprisingly Easy to Spot… for Now" (CVPR 2020) train theirs on blurred and compressed ones, or
their public one. The value is the average precision of finding the generated pictures among as
many real ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UserError
from .degradation import degraded
from .features import extract, reference_features
from .logistic import LogisticRegression
from .metric import Inputs, Metric
from .ranking import average_precision, chance

FEWEST = 20
# A tenth or ten times as much changes the value little; less takes much longer.
PENALTY = 100.0


def two_folds(
    real: np.ndarray,
    fake: np.ndarray,
    degraded_real: np.ndarray,
    degraded_fake: np.ndarray,
    penalty: float = PENALTY,
) -> tuple[list[float], list[float]]:
    """Trains on each half of the pictures, and tests on the other.

    Args:
        real: Features of real pictures ``[N, D]``, in an order that means nothing.
        fake: Those of as many generated ones.
        degraded_real: Features of the same real pictures, degraded; it is trained on these.
        degraded_fake: The same of the generated ones.
        penalty: That of :class:`LogisticRegression`.

    Returns:
        The average precisions of finding the generated pictures of the second and of the first
        half, and the shares of the pictures there that are called what they are.

    Raises:
        UserError: if the counts differ, or there are fewer than 2.
    """
    sides = (real, fake, degraded_real, degraded_fake)
    if len({len(side) for side in sides}) > 1 or len(real) < 2:
        raise UserError("Detectability needs equally many pictures of both kinds, at least 2.")
    first, second = slice(0, len(real) // 2), slice(len(real) // 2, None)
    precisions, accuracies = [], []
    for train, test in ((first, second), (second, first)):
        detector = LogisticRegression.fit(degraded_real[train], degraded_fake[train], penalty)
        of_real, of_fake = detector(real[test]), detector(fake[test])
        precisions.append(average_precision(of_fake, of_real))
        accuracies.append(_accuracy(of_real, of_fake))
    return precisions, accuracies


def _accuracy(of_real: np.ndarray, of_fake: np.ndarray) -> float:
    right = (of_real <= 0).sum() + (of_fake > 0).sum()
    return float(right / (len(of_real) + len(of_fake)))


def _measure(inputs: Inputs) -> dict[str, Any]:
    count = min(len(inputs.reference), len(inputs.fake))
    if inputs.detector is None:
        count -= count % 2
    rng = np.random.default_rng(inputs.seed)
    of_real = rng.permutation(len(inputs.reference))[:count]
    of_fake = rng.permutation(len(inputs.fake))[:count]
    by = _by_a_small_one if inputs.detector is None else _by_the_public_one
    return {
        **by(inputs, of_real, of_fake),
        "num_real": count,
        "num_fake": count,
        "note": _left_out(len(inputs.reference) - count, len(inputs.fake) - count),
    }


def _left_out(real: int, fake: int) -> str | None:
    kinds = ((real, "reference"), (fake, "generated"))
    said = " and ".join(f"{count} {kind}" for count, kind in kinds if count)
    return f"{said} pictures are left out, so that there are equally many" if said else None


def _by_a_small_one(inputs: Inputs, of_real: np.ndarray, of_fake: np.ndarray) -> dict[str, Any]:
    def seen(images: np.ndarray, stream: int, kind: str) -> np.ndarray:
        worse = degraded(images, [inputs.seed, stream])
        return extract(
            inputs.extractor, worse, inputs.progress, f"features of degraded {kind} pictures"
        )

    precisions, accuracies = two_folds(
        inputs.real_features[of_real],
        inputs.fake_features[of_fake],
        seen(inputs.reference.images[of_real], 1, "real"),
        seen(inputs.fake[of_fake], 2, "generated"),
    )
    half = len(of_real) // 2
    return {
        "value": float(np.mean(precisions)),
        "std": float(np.std(precisions, ddof=1)),
        **inputs.extractor_facts(),
        "detector": "logistic regression, two-fold",
        "accuracy": float(np.mean(accuracies)),
        "chance": chance(half, half),
        "trained_on": {"real": half, "generated": half},
        "tested_on": {"real": half, "generated": half},
    }


def _by_the_public_one(inputs: Inputs, of_real: np.ndarray, of_fake: np.ndarray) -> dict[str, Any]:
    detector, count = inputs.detector, len(of_real)
    assert detector is not None
    real = reference_features(detector, inputs.reference, inputs.progress)[of_real, 0]
    fake = extract(detector, inputs.fake[of_fake], inputs.progress, "logits of generated pictures")[
        :, 0
    ]
    return {
        "value": average_precision(fake, real),
        "feature_network": detector.name,
        "feature_sha256": detector.version,
        "resize": detector.resize,
        "detector": detector.name,
        "accuracy": _accuracy(real, fake),
        "chance": chance(count, count),
        "tested_on": {"real": count, "generated": count},
    }


DETECTABILITY = Metric(
    "detectability",
    _measure,
    "how well a detector finds samples among real pictures: 0.5 is not at all",
    min_real=FEWEST,
    min_fake=FEWEST,
    better="lower",
)
