"""Changes of weights by layer: their section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..change import ChangeRates, change_rates
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
        *(f"{name}: {_verdict(found)}" for name, found in rates.items()),
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


def _verdict(found: ChangeRates) -> str:
    """Says whether the last layer changed least, as the paper found, and why if it did not."""
    layers, rates = found.layers, found.rates
    if not rates.any():
        return "nothing changed."
    still = [layer for layer, rate in zip(layers, rates, strict=True) if rate == 0]
    if still:
        return (
            f"{', '.join(still)} did not change at all, which the method does not train. In the "
            "paper all layers are trained, and the last one changes least."
        )
    least = int(rates.argmin())
    if least == len(layers) - 1:
        return f"the last layer, {layers[-1]}, changed least, as in the paper."
    place = int((rates < rates[-1]).sum()) + 1
    said = (
        f"the last layer, {layers[-1]} ({show(rates[-1])}), is number {place} of {len(layers)} "
        f"from below, and {layers[least]} changed least ({show(rates[least])}). In the paper's "
        "DCGAN the last layer changes least. "
    )
    spans = [
        float(part.max() / part.min()) if part.min() else np.inf
        for part in (found.changes, found.sizes)
    ]
    if spans[0] < spans[1]:
        small, large = int(found.sizes.argmin()), int(found.sizes.argmax())
        return said + (
            f"Here weights changed by about as much in all layers, as Adam moves them: by "
            f"{show(found.changes.min())} to {show(found.changes.max())}. What differs is what "
            f"size they had, from {show(found.sizes[small])} ({layers[small]}) to "
            f"{show(found.sizes[large])} ({layers[large]})."
        )
    return said + (
        "Here changes differ more between layers than the sizes of weights do: from "
        f"{show(found.changes.min())} ({layers[int(found.changes.argmin())]}) to "
        f"{show(found.changes.max())} ({layers[int(found.changes.argmax())]}), as after few steps "
        "or pictures, or where layers learn at rates of their own."
    )
