"""Changes of weights by layer: their section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..change import change_rates
from ..drawing import bars_by_layer
from ..subjects import Subject
from .section import Folder, Section, show


def write_change(source: Subject, domains: Sequence[Subject], out: str | os.PathLike) -> Path:
    """Shows how much the weights of each layer changed from a source to what it became.

    Source: EWC (NeurIPS 2020), figure 2.

    Args:
        source: What was adapted.
        domains: What it was adapted to, one or more.
        out: The folder.

    Returns:
        Where the page is.

    Raises:
        UserError: if there is nothing that was adapted.
    """
    if not domains:
        raise UserError("Change rates compare a source with what it became: give an adapter.")
    folder = Folder(out)
    rates = {d.name: change_rates(source.gan, d.gan) for d in domains}
    # Scale and shift are in stages that the source has, too: the same for all.
    layers = max((rate.layers for rate in rates.values()), key=len)
    series = {
        name: np.array([dict(zip(r.layers, r.rates, strict=True)).get(k, np.nan) for k in layers])
        for name, r in rates.items()
    }
    figure = bars_by_layer(layers, series, r"mean $|\theta_T-\theta_S|$ / mean $|\theta_S|$")
    text = [
        f"How much the weights of each layer of {source.name} changed, by the size of its weights "
        "(Li et al. 2020, figure 2).",
        *(f"{name}: {_verdict(layers, values)}" for name, values in series.items()),
    ]
    picture = folder.figure(
        figure,
        "change",
        "A bar a layer, from latents to pixels; 0.1 is a tenth of the weights' mean size.",
        "Rates of change of weights by layer",
    )
    table = folder.table("change", {"layer": layers, **{k: v.tolist() for k, v in series.items()}})
    rows = [(k, *(show(v[i]) for v in series.values())) for i, k in enumerate(layers)]
    return folder.leave(
        Section(
            "change",
            "Rate of change of weights by layer",
            tuple(text),
            (picture,),
            ("Layer", *series),
            tuple(rows),
            (table,),
        )
    )


def _verdict(layers: Sequence[str], rates: np.ndarray) -> str:
    """Says whether the last layer changed least, as the paper found, and why if it did not."""
    moved = [i for i in range(len(layers)) if np.isfinite(rates[i])]
    if not any(rates[i] > 0 for i in moved):
        return "nothing changed."
    last, least = moved[-1], min(moved, key=lambda i: rates[i])
    still = [layers[i] for i in moved if rates[i] == 0]
    if still:
        return (
            f"{', '.join(still)} did not change at all, which the method does not train. In the "
            "paper all layers are trained, and the last one changes least."
        )
    if last == least:
        return f"the last layer, {layers[last]}, changed least, as in the paper."
    place = sorted(rates[i] for i in moved).index(rates[last]) + 1
    return (
        f"the last layer, {layers[last]} ({show(rates[last])}), is number {place} from below, and "
        f"{layers[least]} changed least ({show(rates[least])}). In the paper's DCGAN the last "
        "layer changes least. There all layers learn at one rate; where a network's layers learn "
        "at rates of their own (equalised layers, a mapping network), and after few steps or "
        "pictures, the order is another one."
    )
