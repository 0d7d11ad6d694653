"""Fidelity against variety, by truncation.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch Statistics Adaptation"
(ICCV 2019), figure 5; precision and recall as Kynkäänniemi et al. (NeurIPS 2019).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ..backbones import GAN
from ..backbones.sampling import images_of
from ..backbones.truncation import Truncation
from ..data.pictures import Pictures
from ..errors import UserError
from ..features import extractor
from ..metrics.features import extract, reference_features
from ..metrics.neighbours import PRECISION_NEIGHBOURS, precision, recall
from .progress import Progress, quiet

Extractor = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class TruncationSweep:
    """What truncation does to fidelity and variety.

    Attributes:
        truncations: float64 ``[T]``, as they were asked for.
        precision: float64 ``[T]``, the share of samples among real pictures.
        recall: float64 ``[T]``, the share of real pictures among samples.
        images: uint8 ``[T, K, H, W, 3]``: the same K latents at each truncation.
        samples: Images behind each number.
        reference: Real pictures behind each number.
    """

    truncations: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    images: np.ndarray
    samples: int
    reference: int


def usual_truncations(gan: GAN) -> tuple[float, ...]:
    """Returns five truncations from strong to none, by what the backbone truncates."""
    if gan.truncates == {Truncation.LATENTS}:
        return (0.25, 0.5, 1.0, 2.0, gan.no_truncation)
    return (0.2, 0.4, 0.6, 0.8, 1.0)


def truncation_sweep(
    gan: GAN,
    reference: Pictures,
    truncations: Sequence[float] | None = None,
    samples: int = 200,
    seed: int = 0,
    labels: np.ndarray | None = None,
    shown: int = 8,
    network: str | Extractor = "efficientnet_lite0",
    progress: Progress = quiet,
) -> TruncationSweep:
    """Measures precision and recall of samples of the same latents at several truncations.

    Args:
        gan: What generates.
        reference: Real pictures of the domain; as many as samples are used, the first ones.
        truncations: Thresholds or ψ; None takes :func:`usual_truncations`.
        samples: Images at each truncation; each is one pass through the generator.
        seed: Of the latents.
        labels: Their classes, int ``[samples]``, where there are classes.
        shown: How many of the images are kept.
        network: Of the features: a name in :data:`tf_fewshot.features.EXTRACTORS`, or what
            :func:`tf_fewshot.metrics.features.extract` takes.
        progress: Told how far the work is.

    Raises:
        UserError: if there are too few pictures or samples, or no truncation.
    """
    chosen = usual_truncations(gan) if truncations is None else tuple(truncations)
    if not chosen or min(chosen) < 0:
        raise UserError("Truncations are numbers from 0 on, one or more.")
    least = PRECISION_NEIGHBOURS + 1
    if min(len(reference), samples) < least:
        raise UserError(
            f"Precision and recall need {least} pictures or more on both sides, not "
            f"{len(reference)} real and {samples} generated."
        )
    judge = extractor(network) if isinstance(network, str) else network
    used = reference.take(min(samples, len(reference))).resized(gan.image_shape[:2])
    real = reference_features(judge, used)
    kept, precisions, recalls = [], [], []
    for number, truncation in enumerate(chosen):
        z = gan.sample_latents(samples, seed, truncation)
        images = images_of(gan, z, truncation, labels=labels)
        fake = extract(judge, images)
        precisions.append(precision(real, fake))
        recalls.append(recall(real, fake))
        kept.append(images[:shown])
        progress("truncations", (number + 1) * samples, len(chosen) * samples)
    return TruncationSweep(
        np.array(chosen),
        np.array(precisions),
        np.array(recalls),
        np.stack(kept),
        samples,
        len(real),
    )
