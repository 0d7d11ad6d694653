"""Metrics of a sampler, each as one record that says all that the number depends on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._version import __version__
from ..data.channels import in_rgb
from ..data.pictures import Pictures
from ..errors import UserError, unknown_name
from . import copying, detectability, frechet, gaussian, kernel, lpips, neighbours
from .features import Progress
from .metric import Inputs, Metric

Sampler = Callable[[int, int], np.ndarray]
"""``sampler(n, seed)`` -> uint8 ``[n, H, W, 3]``."""

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        frechet.FID,
        frechet.FID_VGG16,
        kernel.KID,
        gaussian.KMMD,
        lpips.LPIPS,
        lpips.INTRA_LPIPS,
        lpips.NEAREST_LPIPS,
        neighbours.PRECISION,
        neighbours.RECALL,
        neighbours.DENSITY,
        neighbours.COVERAGE,
        copying.COPIED,
        detectability.DETECTABILITY,
    )
}

# The networks whose activations LPIPS compares.
_TRUNKS = {"lpips_alex": "alexnet", "lpips_vgg": "vgg16"}


def evaluate(
    sampler: Sampler,
    reference: Pictures,
    metrics: Sequence[str] = ("fid", "kid"),
    n: int = 2000,
    seed: int = 0,
    training: Pictures | None = None,
    extractor: str = "efficientnet_lite0",
    lpips_net: str = "alex",
    progress: Progress | None = None,
    trained_through: Sequence[str] = (),
    detector: str | os.PathLike | None = None,
) -> list[dict[str, Any]]:
    """Draws pictures once and measures them.

    Args:
        sampler: Draws uint8 pictures ``[n, H, W, 3]``; the same seed gives the same ones.
        reference: Real pictures of the domain: those held out, if there are any.
        metrics: Names in ``METRICS``.
        n: How many pictures to draw.
        seed: Seed of the draw.
        training: The pictures that were trained on, for the metrics that need them.
        extractor: Network of the features that are compared, but for ``fid_vgg16``.
        lpips_net: Trunk of LPIPS, "alex" or "vgg".
        progress: Called as ``progress(what, done, total)``.
        trained_through: Names of frozen networks that the sampler's losses looked through. Records
            name them, and note where they are what measures.
        detector: File of the public detector CNNDetection, whose logits ``detectability`` then
            ranks; None trains a small one for these pictures.

    Returns:
        One JSON-able dict a metric, in order: ``metric``, ``value``, ``std`` (or None),
        ``num_real`` (reference or training pictures that it was compared with),
        ``num_fake``, ``trained_through``, ``feature_network``, ``feature_sha256``, ``resize``
        (pixels; None as they are), what the metric adds, ``seed``, ``image_size`` [H, W],
        ``reference``, ``tf_fewshot`` (version) and ``note`` (None, or what to know before
        comparing).

    Raises:
        UserError: if a metric is unknown or lacks pictures, the detector's file is another, or
            the sampler's pictures are no such array. Nothing is drawn if that is known before.
    """
    chosen = [_get(name) for name in metrics]
    for metric in chosen:
        _check(metric, n, len(reference), training)
    judge = None if detector is None else _detector(detector)
    inputs = Inputs(
        fake=_draw(sampler, n, seed),
        reference=reference,
        training=training,
        extractor_name=extractor,
        lpips_net=lpips_net,
        progress=progress,
        seed=seed,
        detector=judge,
    )
    shared = _shared(inputs)
    return [_record(metric, inputs, seed, list(trained_through), shared) for metric in chosen]


def _shared(inputs: Inputs) -> int:
    """Returns how many reference pictures were trained on, as far as that is known."""
    if inputs.training is None:
        return 0
    size = inputs.fake.shape[1:3]
    reference, training = inputs.reference.resized(size), inputs.training.resized(size)
    return int(copying.among(reference.images, training.images).sum())


def _get(name: str) -> Metric:
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    return METRICS[name]


def _detector(path: str | os.PathLike):
    from ..features.detector import Detector

    return Detector(path)


def _check(metric: Metric, fake: int, real: int, training: Pictures | None) -> None:
    for there, needed, kind in (
        (real, metric.min_real, "reference"),
        (fake, metric.min_fake, "generated"),
    ):
        if there < needed:
            raise UserError(
                f"{metric.name} needs at least {needed} {kind} pictures, there are {there}."
            )
    if metric.needs_training and not training:
        raise UserError(f"{metric.name} needs the pictures that were trained on (training=…).")


def _draw(sampler: Sampler, n: int, seed: int) -> np.ndarray:
    images = np.asarray(sampler(n, seed))
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) != n:
        raise UserError(
            f"The sampler must give uint8 [{n}, H, W, 3], not {images.dtype} {list(images.shape)}."
        )
    # As people see them, and as networks that measure do.
    return in_rgb(images)


def _record(
    metric: Metric, inputs: Inputs, seed: int, trained_through: list[str], shared: int
) -> dict[str, Any]:
    height, width = inputs.fake.shape[1:3]
    measured = metric.measure(inputs)
    notes = [measured.pop("note", None)]
    judge = _TRUNKS.get(measured["feature_network"], measured["feature_network"])
    if judge in trained_through:
        notes.append(
            f"it was trained through {judge}, the network that measures, which may flatter it: "
            "compare it with others by another network"
        )
    if metric.min_real and inputs.reference.size != (height, width):
        notes.append(
            "the reference pictures have {}×{} pixels, the generated ones {}×{}".format(
                *inputs.reference.size, height, width
            )
        )
    # Of copying they are left out, which it says itself.
    if shared and metric.min_real and metric is not copying.COPIED:
        notes.append(
            f"{shared} of the {len(inputs.reference)} reference pictures were trained on, "
            "which flatters what learns by heart"
        )
    return {
        "metric": metric.name,
        "value": measured.pop("value"),
        "std": measured.pop("std", None),
        "num_real": measured.pop("num_real", 0),
        "num_fake": len(inputs.fake),
        "trained_through": trained_through,
        **measured,
        "seed": seed,
        "image_size": [height, width],
        "reference": inputs.reference.source,
        "tf_fewshot": __version__,
        "note": "; ".join(note for note in notes if note) or None,
    }
