"""Activation rates of filters: their section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..activations import LayerActivations, activation_rates
from ..drawing import bars_by_layer, point_panels
from ..progress import Progress, quiet
from ..subjects import Subject
from .section import Folder, Section, evenly

_COLUMNS = 4
_PARTS = {"gammas": "γ", "betas": "β"}


def write_activations(
    subject: Subject,
    out: str | os.PathLike,
    *,
    samples: int = 256,
    seed: int = 0,
    progress: Progress = quiet,
) -> Path:
    """Shows how often each filter is active, against its γ and β.

    Source: BSA (ICCV 2019), figure A of the supplement.

    Args:
        subject: The generator.
        out: The folder.
        samples, seed: See :func:`tf_fewshot.analysis.activation_rates`.
        progress: Told how far the work is.

    Returns:
        Where the page is.

    Raises:
        UserError: if its filters have no scale and shift.
    """
    folder = Folder(out)
    labels = subject.labels(samples)
    found = activation_rates(subject.gan, samples, seed, subject.truncation, labels, progress)
    shown = [found[i] for i in evenly(len(found), _COLUMNS)]
    rows = [
        [
            (
                f"{layer.layer}\nr = {layer.correlation(part):.2f}",
                getattr(layer, part),
                layer.rates,
            )
            for layer in shown
        ]
        for part in _PARTS
    ]
    names = [layer.layer for layer in found]
    correlations = {
        letter: np.array([layer.correlation(part) for layer in found])
        for part, letter in _PARTS.items()
    }
    pictures = (
        folder.figure(
            point_panels(rows, tuple(_PARTS.values()), "activation rate"),
            "activations",
            "Each point is a filter. Rate: share of places of all images at which it gives more "
            "than 0.",
            "Activation rate of filters against γ and against β, by layer",
        ),
        folder.figure(
            bars_by_layer(
                names, correlations, "correlation with the rate", "layer, from input to output"
            ),
            "activations_correlation",
            "Pearson's correlation over the filters of a layer.",
            "Correlation of activation rate with γ and β by layer",
        ),
    )
    columns = {
        "layer": [layer.layer for layer in found for _ in layer.rates],
        "filter": [i for layer in found for i in range(len(layer.rates))],
        **{
            name: [value for layer in found for value in getattr(layer, name).tolist()]
            for name in ("gammas", "betas", "rates")
        },
    }
    dead = [int((layer.rates == 0).sum()) for layer in found]
    table = [
        (
            layer.layer,
            *(f"{values[i]:.2f}" for values in correlations.values()),
            str(dead[i]),
            str(int((layer.rates == 1).sum())),
        )
        for i, layer in enumerate(found)
    ]
    text = [
        f"How often each filter of {subject.name} is active in {samples} images, against what "
        "scales (γ) and shifts (β) it (Noguchi and Harada 2019, figure A).",
        _verdict(found),
    ]
    if len(shown) < len(found):
        text.append(f"{len(shown)} of {len(found)} layers are drawn; the data has all.")
    return folder.leave(
        Section(
            "activations",
            "Activation rate of each filter",
            tuple(text),
            pictures,
            ("Layer", "Correlation with γ", "with β", "Dead filters", "Always active"),
            tuple(table),
            (folder.table("activations", columns),),
        )
    )


def _verdict(found: Sequence[LayerActivations]) -> str:
    """Says whether filters with larger β are more active in every layer, and why if not."""
    values = {layer.layer: layer.correlation("betas") for layer in found}
    if any(np.isnan(value) for value in values.values()):
        return "Where all filters have one γ or β there is nothing to correlate (nan)."
    negative = [f"{name} ({value:.2f})" for name, value in values.items() if value <= 0]
    if not negative:
        return "The correlation of the rate with β is positive in every layer, as in the paper."
    return (
        "The correlation of the rate with β is not positive in every layer: "
        f"{', '.join(negative)}. A shift raises its own filter's rate; but filters differ in how "
        "often they are active before it, by more than a small β moves them, and an adaptation may "
        "lower the busy ones."
    )
