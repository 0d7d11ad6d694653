"""The drift of weights while runs train: its section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..drawing import curves
from ..drift import drifts_of_runs
from .section import Folder, Section, show


def write_drift(runs: Sequence[str | os.PathLike], out: str | os.PathLike) -> Path:
    """Shows how far the generator's weights went in each step of runs.

    Source: EWC (NeurIPS 2020), figure 3, left.

    Args:
        runs: Run folders, ``[NAME=]PATH``; such as one with the penalty and one without.
        out: The folder.

    Returns:
        Where the page is.
    """
    found = drifts_of_runs(runs)
    folder = Folder(out)
    series = {
        name: (steps, values)
        for name, steps, values in zip(found.names, found.steps, found.drifts, strict=True)
    }
    picture = folder.figure(
        curves(series, "step", r"$|\theta-\theta_S|$ / $|\theta_S|$", from_zero=True),
        "drift",
        "Distance of all weights of the generator from the source's, by their norm.",
        "Drift of weights over the steps of runs",
    )
    columns = {
        "run": np.repeat(found.names, [len(s) for s in found.steps]).tolist(),
        "step": np.concatenate(found.steps).tolist(),
        "drift": np.concatenate(found.drifts).tolist(),
    }
    rows = [(name, f"{steps[-1]:,}", show(d[-1])) for name, (steps, d) in series.items()]
    text = (
        "How far training carried the weights from the source, with and without a penalty (Li et "
        "al. 2020, figure 3, left), as the runs recorded it.",
    )
    return folder.leave(
        Section(
            "drift",
            "Weight drift during training",
            text,
            (picture,),
            ("Run", "Last step", "Drift"),
            tuple(rows),
            (folder.table("drift", columns),),
        )
    )
