"""How far weights go while a run trains, from what the run recorded.

Source: Li et al., "Few-shot Image Generation with Elastic Weight Consolidation" (NeurIPS 2020),
figure 3, left: with and without the penalty.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..training.drift import STAT
from ..training.run_folder import RunFolder


@dataclasses.dataclass(frozen=True, eq=False)
class Drifts:
    """The drift of several runs.

    Attributes:
        names: What the runs are called: their folders, and methods.
        steps: int64 ``[S]`` of each run, ascending.
        drifts: float64 ``[S]`` of each run: ``|θ - θ_S| / |θ_S|`` of the generator's weights,
            see :class:`tf_fewshot.training.drift.Drift`.
    """

    names: tuple[str, ...]
    steps: tuple[np.ndarray, ...]
    drifts: tuple[np.ndarray, ...]


def drifts_of_runs(runs: Sequence[str | os.PathLike]) -> Drifts:
    """Reads how far the weights of runs went, step by step.

    Args:
        runs: Run folders, ``[NAME=]PATH``.

    Raises:
        UserError: if there is none, or one is no run folder or recorded no drift.
    """
    if not runs:
        raise UserError("Give the folders of runs whose drift is to be shown.")
    names, steps, drifts = [], [], []
    for run in runs:
        name, equals, place = str(run).partition("=")
        folder = RunFolder(place if equals else name)
        config = folder.config if Path(folder.config_path).exists() else None
        if config is None:
            raise UserError(f"{folder.path} is no run folder: it has no config.json.")
        records = [record for record in folder.stats() if STAT in record]
        if not records:
            raise UserError(
                f"{folder.path} recorded no drift: it was trained by an earlier release, or has "
                "not begun. Train it again."
            )
        method = config["identity"].get("method", "")
        names.append(name if equals else f"{folder.path.name} ({method})")
        steps.append(np.array([record["step"] for record in records]))
        drifts.append(np.array([record[STAT] for record in records], np.float64))
    if len(set(names)) < len(names):
        raise UserError(f"Two runs are called alike ({', '.join(names)}): write NAME=FOLDER.")
    return Drifts(tuple(names), tuple(steps), tuple(drifts))
