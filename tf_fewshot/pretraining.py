"""From a configuration and pictures to a trained source."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import backbones, methods, settings, weights
from .adapted import evaluate_source
from .backbones.continued import continued
from .data.load import load_pictures
from .data.pictures import Pictures
from .errors import UserError, unknown_name
from .methods import Method
from .settings import Setting
from .training import precision as precisions
from .training.assemble import needed_memory
from .training.devices import ONE, Devices
from .training.growth import Growth
from .training.pretrain import PretrainingPlan
from .training.pretraining_settings import DECIDED, METHOD_DEFAULTS, PretrainingSettings
from .training.shared_folder import shared_folder
from .weights.native.gan_file import save_gan


def trained_by(name: str) -> Method:
    """Returns the method of that name with the values that its settings have in a pretraining.

    Raises:
        UserError: if there is none of that name.
    """
    method = methods.get(name)
    known = method.settings()
    return method.with_settings(**{k: v for k, v in METHOD_DEFAULTS.items() if k in known})


def known_settings(method: Method) -> dict[str, Setting]:
    """Returns every setting of a pretraining with that method, by its name."""
    own = settings.settings([PretrainingSettings()])
    of_method = settings.settings(method.cells())
    return {**own, **{k: v for k, v in of_method.items() if k not in {*DECIDED, *own}}}


def plan(
    config: Mapping[str, Any],
    data: str | os.PathLike,
    *,
    seed: int = 0,
    precision: str = "auto",
    checkpoint_every: int = 500,
    start: str | os.PathLike | None = None,
    on_error: str = "raise",
    memory: str | int | None = None,
    devices: Devices = ONE,
) -> PretrainingPlan:
    """Reads the pictures and checks a configuration such as ``configs/pretrain_*.py``.

    Args:
        config: Values by the names of settings. Those that are left out have the defaults of
            :class:`.training.pretraining_settings.PretrainingSettings` and of its method.
        data: Pictures, see :func:`tf_fewshot.data.load.load_pictures`.
        seed: Of everything that is drawn.
        precision: "auto", "float32", "bfloat16" or "float16".
        checkpoint_every: Steps between checkpoints.
        start: A source to go on from, instead of new weights.
        on_error: "raise" or "skip" for pictures that cannot be read.
        memory: The most that the process may take; see :func:`tf_fewshot.adapt`.
        devices: What will compute a step, see :func:`.training.strategies.devices`.

    Raises:
        UserError: for anything that the caller can mend.
    """
    chosen, method = _chosen(config)
    growths = _growths(chosen)
    model = chosen.model
    pictures = load_pictures(
        data, model["resolution"], min_count=chosen.batch_size, on_error=on_error
    )
    begun = continued(weights.load(start), model, seed) if start is not None else None
    if begun is None:
        model, pictures = _told_of(pictures, model, chosen.architecture, method)
    gan = begun or backbones.build(chosen.architecture, **model)
    pictures = _with_classes(pictures, gan)
    method.latents.check(pictures, gan.latent_dim)
    devices.check(chosen.batch_size)
    choice = None
    if devices.chief:
        choice = precisions.choose(precision, gan, chosen.batch_size // devices.count, memory)
    dtype, _ = devices.agree(choice)
    return PretrainingPlan(
        method,
        chosen.architecture,
        model,
        growths,
        pictures,
        seed,
        dtype,
        chosen.snapshot_images,
        chosen.ema_images,
        checkpoint_every,
        begun,
        chosen.class_group,
    )


def _chosen(config: Mapping[str, Any]) -> tuple[PretrainingSettings, Method]:
    """Returns the settings of the pretraining, and the method with its own."""
    name = config.get("method", PretrainingSettings.method)
    method = trained_by(name)
    known = known_settings(method)
    for setting in config:
        if setting not in known:
            raise unknown_name("setting of a pretraining", setting, known)
    values = {setting: known[setting].checked(value) for setting, value in config.items()}
    own = settings.settings([PretrainingSettings()])
    chosen = settings.changed(PretrainingSettings(), values)
    for setting in ("architecture", "model", "growths"):
        if not getattr(chosen, setting):
            raise UserError(f"The configuration of a pretraining lacks {setting!r}.")
    if "resolution" not in chosen.model:
        raise UserError("The configuration of a pretraining lacks 'resolution' in its model.")
    for setting in ("batch_size", "class_group", "ema_images", "snapshot_images"):
        if getattr(chosen, setting) < 1:
            raise UserError(f"{setting} must be at least 1, not {getattr(chosen, setting)}.")
    of_method = {k: v for k, v in values.items() if k not in own}
    if chosen.class_group > 1 and "feature_group" in method.settings():
        of_method["feature_group"] = chosen.class_group
    return chosen, method.with_settings(**of_method)


def _told_of(
    pictures: Pictures, model: dict[str, Any], architecture: str, method: Method
) -> tuple[dict[str, Any], Pictures]:
    """Returns the settings of the model with those that follow from the pictures, which say so.

    Those that it has itself stay, and what the architecture does not know is left out.
    """
    known = {*backbones.settings_of(architecture)} - {*model}
    told = {k: v for k, v in method.latents.model_settings(pictures).items() if k in known}
    if told:
        note = f"The pictures say the model's {', '.join(sorted(told))}."
        pictures = dataclasses.replace(pictures, notes=[*pictures.notes, note])
    return {**told, **model}, pictures


def _growths(chosen: PretrainingSettings) -> list[Growth]:
    """Returns the growths, of as many steps as are asked for."""
    growths = []
    for row in chosen.growths:
        try:
            resolution, images, fade_images, r1_gamma, decay_from = row
        except (TypeError, ValueError) as error:
            raise UserError(
                "Each of growths must be (resolution, images, images while it is faded in, "
                f"weight of R1, fraction at the full rate), not {row!r}."
            ) from error
        growths.append(
            Growth(
                resolution=resolution,
                images=images,
                fade_images=fade_images,
                batch_size=chosen.batch_size,
                r1_gamma=r1_gamma,
                learning_rate=chosen.learning_rate,
                decay_from=decay_from,
                d_learning_rate=chosen.d_learning_rate,
            )
        )
    return growths if chosen.steps is None else scaled(growths, chosen.steps)


def scaled(growths: Sequence[Growth], steps: int) -> list[Growth]:
    """Returns growths of so many steps in all, each changed by the same factor.

    Raises:
        UserError: if there are fewer steps than growths.
    """
    before = [growth.steps for growth in growths]
    if steps < len(growths):
        raise UserError(
            f"steps must be at least {len(growths)}, one for each resolution, not {steps}."
        )
    if steps == sum(before):
        return list(growths)
    # Each has one step for certain; the others end where they would on the scale of all.
    more, whole = steps - len(growths), sum(before)
    ends = [round(more * sum(before[: i + 1]) / whole) for i in range(len(growths))]
    after = [1 + end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    return [
        dataclasses.replace(
            growth,
            images=count * growth.batch_size,
            fade_images=round(growth.fade_images * count / growth.steps),
        )
        for growth, count in zip(growths, after, strict=True)
    ]


def _with_classes(pictures: Pictures, gan: backbones.GAN) -> Pictures:
    """Returns the pictures, with labels if ``gan`` has classes, else without.

    Raises:
        UserError: if they are of another number of classes.
    """
    labelled = pictures.with_classes(bool(gan.num_classes))
    if labelled.num_classes != gan.num_classes:
        raise UserError(
            f"The configuration has {gan.num_classes} classes, {pictures.source} has "
            f"{labelled.num_classes}: a sub-folder is a class. Set num_classes in model to it"
            f"{'' if labelled.num_classes else ' (0 for none)'}, or sort the pictures."
        )
    return labelled


def describe(plan: PretrainingPlan, memory: str | int | None = None) -> str:
    """Returns what would be trained, in words and counts.

    Args:
        plan: See :func:`plan`.
        memory: The most that the process may take, see :func:`tf_fewshot.adapt`.
    """
    gan = plan.start or backbones.build(plan.architecture, **plan.config)
    counts = [
        f"{network.name}: {sum(math.prod(v.shape) for v in network.trainable_weights):,} weights"
        for network in gan.networks()
    ]
    last = max(plan.growths, key=lambda growth: growth.resolution)
    assembled = plan.assembled(plan.grown(plan.start, last), last)
    # A row a class is more than anybody reads.
    config = {k: v for k, v in plan.config.items() if len(str(v)) < 200}
    return "\n".join(
        [
            f"{plan.method.title}, {plan.architecture} {config}",
            f"{len(plan.pictures)} pictures from {plan.pictures.source}, {plan.dtype}",
            *counts,
            *map(str, plan.growths),
            *plan.pictures.notes,
            f"Memory at {last.resolution} px: {needed_memory(*assembled, memory)}",
        ]
    )


def pretrain(
    plan: PretrainingPlan,
    workdir: str | os.PathLike,
    reference: str | os.PathLike | None = None,
    candidates: int = 3,
    on_error: str = "raise",
    memory: str | int | None = None,
    devices: Devices = ONE,
) -> Path:
    """Trains a source and keeps the best of its last snapshots as ``source.npz``.

    Args:
        plan: See :func:`plan`.
        workdir: The run folder; the same call goes on from the last checkpoint.
        reference: Real pictures that were not trained on; the snapshot of the lowest FID
            is taken. None takes the last.
        candidates: How many of the last snapshots are compared.
        on_error: "raise" or "skip" for pictures of the reference that cannot be read.
        memory: The most that the process may take; see :func:`tf_fewshot.adapt`.
        devices: What computes a step. Of several processes one writes the folder.

    Returns:
        The file.
    """
    growths = {"growths": [str(growth) for growth in plan.growths]}
    with shared_folder(workdir, plan.identity(), devices, growths) as folder:
        for note in plan.pictures.notes:
            folder.log(note)
        snapshots = plan.run(folder, memory, devices)
        if not devices.chief:
            return Path(workdir) / "source.npz"
        chosen, numbers = snapshots[-1], {}
        if reference is not None:
            size = weights.load(snapshots[-1]).image_shape[:2]
            real = load_pictures(reference, size, on_error=on_error)
            for note in real.notes:
                folder.log(f"Reference: {note}")
            measured = fids(snapshots[-candidates:], real, plan.seed)
            for path, record in measured:
                folder.log(f"{path.name}: FID {record['value']:.2f}")
                folder.add_metric({"step": int(path.stem) // 100, **record})
            chosen, numbers = min(measured, key=lambda pair: pair[1]["value"])
            # Sources are handed on: no folder of this machine goes into them.
            numbers = {**numbers, "reference": Path(reference).name}
        gan = weights.load(chosen)
        metadata = {k: gan.source_metadata[k] for k in ("images_seen", "seed")}
        place = folder.path / "source.npz"
        save_gan(gan, place, half=True, metadata={**metadata, "fid": numbers})
        return place


def fids(
    snapshots: Sequence[Path], pictures: Pictures, seed: int, n: int = 2000
) -> list[tuple[Path, dict[str, Any]]]:
    """Returns each snapshot with its FID of ``n`` samples, but those of another size."""
    sized = [(path, weights.load(path)) for path in snapshots]
    return [
        (path, evaluate_source(gan, pictures, ("fid",), n, seed)[0])
        for path, gan in sized
        if gan.image_shape[:2] == pictures.images.shape[1:3]
    ]
