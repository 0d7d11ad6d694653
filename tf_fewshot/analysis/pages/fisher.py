"""Fisher information by layer: its section."""

from __future__ import annotations

import os
from pathlib import Path

from ..drawing import bars_by_layer
from ..importance import Importance, Likelihood, fisher_by_layer
from ..subjects import Subject
from .section import Folder, Section, show


def write_fisher(
    source: Subject,
    out: str | os.PathLike,
    *,
    samples: int = 256,
    likelihood: Likelihood | None = None,
    cache: bool = True,
) -> Path:
    """Shows the average Fisher information of a source's weights by layer.

    Source: EWC (NeurIPS 2020), figure 2.

    Args:
        source: A source.
        out: The folder.
        samples, likelihood, cache: See :func:`tf_fewshot.analysis.fisher_by_layer`.

    Returns:
        Where the page is.
    """
    folder = Folder(out)
    found = fisher_by_layer(source.gan, samples, likelihood, cache)
    figure = bars_by_layer(found.layers, {"F": found.means}, "average Fisher information", log=True)
    of_what = (
        "of the discriminator's output"
        if found.likelihood == "discriminator"
        else "of the pixels, as this source has no discriminator; its scale is another one"
    )
    text = (
        f"How much each layer of {source.name} matters: the Fisher information {of_what}, averaged "
        f"over the weights of a layer, from {found.samples} generated images (Li et al. 2020, "
        "equation 2 and figure 2).",
        _verdict(found),
    )
    picture = folder.figure(
        figure,
        "fisher",
        "From latents to pixels; the axis of the information is logarithmic.",
        "Average Fisher information by layer",
    )
    columns = {"layer": found.layers, "fisher": found.means.tolist(), "weights": found.counts}
    rows = [
        (layer, show(mean), f"{count:,}")
        for layer, mean, count in zip(found.layers, found.means, found.counts, strict=True)
    ]
    return folder.leave(
        Section(
            "fisher",
            "Fisher information by layer",
            text,
            (picture,),
            ("Layer", "Average Fisher information", "Weights"),
            tuple(rows),
            (folder.table("fisher", columns),),
        )
    )


def _verdict(found: Importance) -> str:
    """Says whether the last layers matter most, as the paper found."""
    highest = int(found.means.argmax())
    late = highest >= len(found.layers) * 2 / 3
    order = f"{found.layers[highest]} ({show(found.means[highest])})"
    if late:
        return f"It is highest in the last layers, as in the paper: in {order}."
    return (
        f"It is highest in {order}, not in the last layers as in the paper. An average over few "
        "weights, each of which moves whole channels or the whole picture (a constant, styles, "
        "scale and shift), is larger than one over kernels, of which the paper's layers are made."
    )
