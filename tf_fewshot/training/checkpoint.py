"""Checkpoints: every variable of a run in one file, written whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from ..archives import DamagedArraysError, read_arrays
from ..errors import UserError
from ..files import atomic_path, remove_partials

_NAME = re.compile(r"step(\d+)\.npz")


class Checkpoints:
    """The checkpoints of one run, newest last.

    Args:
        folder: Where the files are.
        groups: Named sequences of variables; order and shapes must be the same
            when a file is read again.
        keep: How many files stay.
    """

    def __init__(self, folder: Path, groups: Mapping[str, Sequence[keras.Variable]], keep: int = 2):
        self.folder, self.groups, self.keep = Path(folder), groups, keep

    def variables(self) -> list[keras.Variable]:
        """Returns the variables of all groups."""
        return [v for variables in self.groups.values() for v in variables]

    def save(self, step: int) -> None:
        """Writes the variables as they are, then removes files older than the newest ``keep``.

        Raises:
            UserError: if one is not finite, or the file cannot be written. What was
                saved before stays.
        """
        arrays = {}
        for group, variables in self.groups.items():
            for i, variable in enumerate(variables):
                value = variable.numpy()
                if not np.isfinite(value).all():
                    raise UserError(
                        f"Training diverged: {variable.path} is not finite after step {step}. "
                        "The last checkpoint is kept. Lower the learning rate or train in float32."
                    )
                arrays[f"{group}/{i}"] = value
        with atomic_path(self.folder / f"step{step:07d}.npz") as partial:
            np.savez(partial, **arrays)
        for _, path in self._files()[: -self.keep]:
            path.unlink(missing_ok=True)

    def restore(self) -> tuple[int, list[str]]:
        """Reads the newest whole file into the variables.

        What a process that was killed while it wrote has left is removed.

        Returns:
            The step it was written at (0 if there is none) and remarks on files that
            could not be read.

        Raises:
            UserError: if there are files and none can be read.
        """
        remarks: list[str] = []
        remove_partials(self.folder)
        files = self._files()
        for step, path in reversed(files):
            try:
                self._read(path)
            except (OSError, DamagedArraysError, ValueError) as error:
                remarks.append(
                    f"Checkpoint {path.name} is unreadable ({error}); trying the one before."
                )
                continue
            return step, remarks
        if files:
            raise UserError(
                f"No checkpoint in {self.folder} can be read ({remarks[0]}). "
                "Remove that folder to train from the beginning, or restore it from a copy."
            )
        return 0, remarks

    def _read(self, path: Path) -> None:
        arrays = read_arrays(path)
        values = []
        for group, variables in self.groups.items():
            for i, variable in enumerate(variables):
                name = f"{group}/{i}"
                if name not in arrays:
                    raise ValueError(f"it lacks {name}")
                value, shape = arrays[name], tuple(variable.shape)
                if value.shape != shape or value.dtype.kind not in "fiub":
                    raise ValueError(f"{name} is {value.dtype} {value.shape}, not {shape}")
                values.append((variable, value))
        if len(values) != len(arrays):
            raise ValueError(f"it holds {len(arrays)} arrays, not {len(values)}")
        # Only now: a file that is cut off in the middle must change nothing.
        for variable, value in values:
            variable.assign(value)

    def _files(self) -> list[tuple[int, Path]]:
        if not self.folder.is_dir():
            return []
        matches = ((_NAME.fullmatch(path.name), path) for path in self.folder.iterdir())
        return sorted((int(match[1]), path) for match, path in matches if match)
