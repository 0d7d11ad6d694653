"""What is compared: which trials, and with which settings."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import planning, weights
from ..backbones import GAN
from ..errors import UserError, unknown_name
from ..methods import Method
from ..methods import get as get_method
from ..metrics import METRICS
from ..training.assemble import check_parts
from .targets import Domain, Target

DEFAULT_METRICS = ("fid", "kid", "kmmd", "intra_lpips", "nearest_lpips")


@dataclasses.dataclass(frozen=True)
class Trial:
    """One method, on so many pictures of one target, with one seed."""

    method: str
    target: str
    shots: int
    seed: int

    def __str__(self) -> str:
        pictures = "1 picture" if self.shots == 1 else f"{self.shots} pictures"
        return f"{self.method} on {self.target}, {pictures}, seed {self.seed}"

    @property
    def folder(self) -> Path:
        """Its run folder, as a path from the comparison's folder."""
        return Path("runs", self.target, f"{self.method}-{self.shots}-seed{self.seed}")


@dataclasses.dataclass(frozen=True, eq=False)
class ComparisonPlan:
    """Everything that decides a comparison, before anything is written.

    Attributes:
        source: What every method begins from.
        source_name: How to load it again.
        methods: With their settings, by name.
        changes: The settings that are not the methods' own defaults, by method.
        domains: The targets' pictures, by name.
        shots: Numbers of training pictures. They are the first ones of the target, the
            same for all methods and seeds; more pictures include the fewer.
        seeds: Of training, and of the samples that are measured.
        metrics: Names in ``METRICS``.
        n: How many samples are measured.
        precision: "auto" (measured once, and then kept for all trials), "float32",
            "bfloat16" or "float16".
    """

    source: GAN
    source_name: str
    methods: dict[str, Method]
    changes: dict[str, dict[str, Any]]
    domains: dict[str, Domain]
    shots: tuple[int, ...]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]
    n: int
    precision: str = "auto"

    def trials(self) -> list[Trial]:
        """Returns all trials, those of the first seed first, so that a whole table is early."""
        combined = itertools.product(self.seeds, self.domains, self.shots, self.methods)
        return [Trial(method, target, shots, seed) for seed, target, shots, method in combined]

    def identity(self) -> dict[str, Any]:
        """Returns what results must have in common to stand in one table, as nested JSON values."""
        judge = self.source.discriminator is not None
        return {
            "source": {
                "generator": self.source.fingerprint("generator"),
                "discriminator": self.source.fingerprint("discriminator") if judge else None,
            },
            "n": self.n,
            "methods": {name: method.settings() for name, method in self.methods.items()},
            "targets": {
                name: {
                    "training": {
                        str(shots): domain.training.take(shots).fingerprint()
                        for shots in self.shots
                        if shots <= len(domain.training)
                    },
                    "evaluation": domain.reference.fingerprint(),
                }
                for name, domain in self.domains.items()
            },
        }

    def obstacle(self, trial: Trial) -> str | None:
        """Returns why a trial cannot be run, as far as that is known before, or None."""
        domain = self.domains[trial.target]
        try:
            check_parts(self.methods[trial.method], self.source)
        except UserError as error:
            return str(error)
        if trial.shots > len(domain.training):
            return (
                f"{domain.training.source} has {len(domain.training)} usable pictures, not "
                f"{trial.shots}: add some, or ask for fewer."
            )
        for name in self.metrics:
            needed = METRICS[name].min_real
            if len(domain.reference) < needed:
                return (
                    f"{name} needs at least {needed} evaluation pictures, and "
                    f"{domain.reference.source} leaves {len(domain.reference)}: give others, "
                    f"as in {domain.name}=TRAINING:EVALUATION."
                )
        return None

    def describe(self) -> str:
        """Returns the comparison in words: for a dry run."""
        lines = [f"source    {self.source_name}, {self.source.architecture}"]
        for name, domain in self.domains.items():
            lines.append(
                f"target    {name}: {len(domain.training)} training pictures from "
                f"{domain.training.source}, {len(domain.reference)} evaluation pictures from "
                f"{domain.reference.source}"
            )
            lines += [f"          {note}" for note in domain.notes]
        for name, method in self.methods.items():
            changed = "".join(f", {k}={v!r}" for k, v in self.changes[name].items() if k != "steps")
            lines.append(f"method    {name}: {method.run.steps} steps{changed}")
        lines.append(f"metrics   {', '.join(self.metrics)} of {self.n} samples")
        for number, trial in enumerate(self.trials(), 1):
            obstacle = self.obstacle(trial)
            lines.append(
                f"trial {number:<4}{trial}{f': cannot be run: {obstacle}' * bool(obstacle)}"
            )
        return "\n".join(lines)


def plan(
    source: GAN | str | os.PathLike,
    targets: Iterable[Target | str],
    methods: Sequence[str] = ("transfergan", "ewc", "bsa"),
    *,
    shots: Sequence[int] = (10,),
    seeds: Sequence[int] = (0,),
    steps: int | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    n: int = 1000,
    precision: str = "auto",
    on_error: str = "raise",
) -> ComparisonPlan:
    """Gathers what a comparison needs and checks it; see :func:`.runner.compare`.

    Raises:
        UserError: for unknown names, settings or values, or pictures that cannot be read.
            What only some trials lack is for :meth:`ComparisonPlan.obstacle`.
    """
    given = [t if isinstance(t, Target) else Target.parse(t) for t in targets]
    chosen, changes = _methods(methods, steps, settings or {})
    _check_metrics(metrics, n)
    _check_numbers("shots", shots, 1)
    _check_numbers("seeds", seeds, 0)
    if not given:
        raise UserError("There is no target to adapt to.")
    name = str(source)
    if isinstance(source, GAN):
        name = getattr(source, "source_metadata", {}).get("name", source.architecture)
    else:
        source = weights.load(source)
        # Adapters say how to load their source again.
        source.source_metadata = {**source.source_metadata, "name": name}
    chosen = {k: planning.at_rate(m, source, changes[k])[0] for k, m in chosen.items()}
    domains: dict[str, Domain] = {}
    for target in given:
        if target.name in domains:
            raise UserError(
                f"Two targets are called {target.name!r}: tell them apart by NAME=TRAINING."
            )
        domains[target.name] = target.load(source.image_shape[:2], max(shots), on_error)
    planned = ComparisonPlan(
        source=source,
        source_name=name,
        methods=chosen,
        changes=changes,
        domains=domains,
        shots=tuple(dict.fromkeys(shots)),
        seeds=tuple(dict.fromkeys(seeds)),
        metrics=tuple(dict.fromkeys(metrics)),
        n=n,
        precision=precision,
    )
    for trial in planned.trials():
        if planned.obstacle(trial) is None:
            pictures = planned.domains[trial.target].training
            planning.plan(source, pictures, trial.method, **changes[trial.method])
    return planned


def _methods(
    names: Sequence[str], steps: int | None, settings: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Method], dict[str, dict[str, Any]]]:
    if not names:
        raise UserError("There is no method to compare.")
    for name in settings:
        if name not in names:
            raise unknown_name("method of a setting", name, names)
    shared = {} if steps is None else {"steps": steps}
    changes = {name: {**shared, **settings.get(name, {})} for name in dict.fromkeys(names)}
    chosen = {name: get_method(name).with_settings(**dict(c)) for name, c in changes.items()}
    return chosen, changes


def _check_metrics(names: Sequence[str], n: int) -> None:
    if not names:
        raise UserError("There is no metric to compare by.")
    for name in names:
        if name not in METRICS:
            raise unknown_name("metric", name, METRICS)
        if n < METRICS[name].min_fake:
            raise UserError(f"{name} needs at least {METRICS[name].min_fake} samples, not {n}.")


def _check_numbers(kind: str, numbers: Sequence[int], least: int) -> None:
    if not numbers:
        raise UserError(f"There are no {kind}.")
    for number in numbers:
        if number < least:
            raise UserError(f"{kind} must be {least} or more, not {number}.")
