"""One trial of a comparison: trained and measured, wherever that is."""

from __future__ import annotations

import dataclasses
import gc
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from .. import adaptation
from ..errors import UserError
from ..training.run_folder import RunFolder
from .plan import ComparisonPlan, Trial
from .results import Record

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Task:
    """What is left to do of a trial.

    Attributes:
        trial: The trial.
        number, of: Which of how many trials it is.
        names: The metrics that are to be measured.
        before: What was recorded of it before, with other metrics.
    """

    trial: Trial
    number: int
    of: int
    names: Sequence[str]
    before: Record | None = None

    def __str__(self) -> str:
        return f"Trial {self.number} of {self.of}: {self.trial}"


class Engine(Protocol):
    """What computes the trials of a comparison."""

    def __call__(
        self,
        plan: ComparisonPlan,
        tasks: Sequence[Task],
        folder: Path,
        options: dict[str, Any],
        say: Say,
    ) -> Iterator[tuple[Task, Record | Exception]]:
        """Gives each task, once it is done, with its record or the error that it ended with.

        Args:
            plan: The comparison.
            tasks: In the order in which they are wanted.
            folder: The comparison's folder, which gets the run folders of the trials.
            options: Of :func:`tf_fewshot.adapt`.
            say: Where a line of progress goes.
        """
        ...


def here(
    plan: ComparisonPlan,
    tasks: Sequence[Task],
    folder: Path,
    options: dict[str, Any],
    say: Say,
) -> Iterator[tuple[Task, Record | Exception]]:
    """The engine that runs one trial after the other in this process; see :class:`Engine`."""
    for task in tasks:
        say(str(task))
        try:
            result = measured(plan, task, folder, options, say)
        except Exception as error:  # one trial must not end those that follow
            result = error
        yield task, result
        del result
        gc.collect()


def measured(
    plan: ComparisonPlan, task: Task, folder: Path, options: dict[str, Any], say: Say
) -> Record:
    """Trains and measures; what an earlier start has left is gone on with.

    Args:
        plan, folder, options, say: See :class:`Engine`.
        task: What is left to do.

    Returns:
        The record of the trial, with what was measured before.

    Raises:
        UserError: if it cannot be trained or measured.
    """
    trial = task.trial
    begun, place = time.monotonic(), folder / trial.folder
    at = _reached(place)
    domain = plan.domains[trial.target]
    pictures = domain.training.take(trial.shots)
    changes = plan.changes[trial.method]
    adapted = adaptation.adapt(
        plan.source, pictures, trial.method, workdir=place, seed=trial.seed, **options, **changes
    )
    say(f"Measuring {', '.join(task.names)} of {plan.n:,} samples.")
    records = adapted.evaluate(domain.reference, task.names, plan.n, trial.seed, training=pictures)
    adapted.add_metrics(records)
    before = task.before or {"metrics": [], "seconds": 0.0}
    return {
        **dataclasses.asdict(trial),
        "source": plan.source_name,
        "source_fingerprint": plan.source.fingerprint("generator"),
        "training": pictures.source,
        "training_fingerprint": pictures.fingerprint(),
        "evaluation": domain.reference.source,
        "evaluation_fingerprint": domain.reference.fingerprint(),
        "settings": plan.methods[trial.method].settings(),
        "precision": RunFolder(place).config["settings"]["precision"],
        "run": trial.folder.as_posix(),
        "metrics": [*before["metrics"], *records],
        # Of this start, and of the one before if only metrics were added.
        "seconds": round(before["seconds"] + time.monotonic() - begun, 3),
        "resumed_at": at,
    }


def _reached(place: Path) -> int:
    """Returns the step at which a run goes on, 0 if it is new."""
    names = (re.fullmatch(r"step(\d+)\.npz", path.name) for path in place.glob("checkpoints/*"))
    return max((int(name[1]) for name in names if name), default=0)


def in_words(error: Exception) -> str:
    """Returns why a trial failed, in a line."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "Out of memory. Measure fewer samples, or take fewer pictures."
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"
