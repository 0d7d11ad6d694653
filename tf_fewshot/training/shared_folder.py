"""The run folder of a run that may be in several processes: one of them writes it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .devices import Devices
from .run_folder import RunFolder


@contextlib.contextmanager
def shared_folder(
    workdir: str | os.PathLike,
    identity: Mapping[str, Any],
    devices: Devices,
    settings: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Iterator[RunFolder]:
    """Opens the folder of a run, and says there which devices compute it.

    Args:
        workdir, identity, settings, defaults: See :meth:`.run_folder.RunFolder.open`.
        devices: What computes the run. Processes that are not its chief get a folder of their
            own in its place, which is gone at the end.

    Raises:
        UserError: if the folder cannot be opened, or if the processes have different runs.
    """
    with contextlib.ExitStack() as stack:
        place = Path(workdir)
        if not devices.chief:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = stack.enter_context(RunFolder.open(place, identity, settings, defaults))
        devices.check_agreed(dict(identity))
        folder.log(devices.said)
        yield folder
