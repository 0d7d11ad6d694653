"""From a configuration and pictures to a trained source."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import backbones, methods, weights
from .adapted import evaluate_source
from .backbones.stylegan.gan import StyleGAN
from .backbones.stylegan.widening import widened
from .backbones.upgrade import upgraded
from .data.load import load_pictures
from .data.pictures import Pictures
from .errors import UserError
from .training import precision as precisions
from .training.growth import Growth
from .training.pretrain import Pretraining
from .training.run_folder import RunFolder
from .weights.native.gan_file import save_gan

# As Karras et al. (2020) adapt while they train from scratch; the methods' own is for few shots.
_ADA_IMAGES = 500_000


def plan(
    config: dict[str, Any],
    data: str | os.PathLike,
    *,
    seed: int = 0,
    precision: str = "auto",
    checkpoint_every: int = 500,
    start: str | os.PathLike | None = None,
) -> Pretraining:
    """Reads the pictures and checks a configuration such as ``configs/pretrain_*.py``.

    Raises:
        UserError: for anything that the caller can mend.
    """
    config = dict(config)
    try:
        model, rows = dict(config["model"]), config["growths"]
        architecture, batch_size = config["architecture"], config["batch_size"]
    except KeyError as error:
        raise UserError(f"The configuration of a pretraining lacks {error}.") from error
    growths = [
        Growth(
            resolution=r,
            images=images,
            fade_images=fade,
            batch_size=batch_size,
            r1_gamma=gamma,
            learning_rate=config["learning_rate"],
            decay_from=decay,
            d_learning_rate=config.get("d_learning_rate"),
        )
        for r, images, fade, gamma, decay in rows
    ]
    method = methods.get("scratch").with_settings(
        adversarial_loss=config["adversarial_loss"],
        fresh_discriminator=config.get("fresh_discriminator", False),
        r1_interval=config["r1_interval"],
        clip_images=config.get("clip_images", False),
        feature_weight=config.get("feature_weight", 0.0),
        feature_learning_rate=config.get("feature_learning_rate", 0.0005),
        augment=config.get("augment", "none"),
        augment_p=config.get("augment_p"),
        ada_target=config.get("ada_target", 0.6),
        ada_images=config.get("ada_images", _ADA_IMAGES),
    )
    pictures = load_pictures(data, model["resolution"], min_count=batch_size)
    begun = _begun(weights.load(start), model) if start is not None else None
    gan = begun or backbones.build(architecture, **model)
    pictures = _with_classes(pictures, gan)
    dtype, _ = precisions.choose(precision, gan, batch_size)
    return Pretraining(
        method,
        architecture,
        model,
        growths,
        pictures,
        seed,
        dtype,
        config["snapshot_images"],
        config["ema_images"],
        checkpoint_every,
        begun,
        begun.source_metadata.get("images_seen", 0) if begun else 0,
    )


def _begun(gan: backbones.GAN, model: dict[str, Any]) -> backbones.GAN:
    """A source to go on from as the configured model: wider, or without its noise.

    Raises:
        UserError: if it differs in anything else.
    """
    known = dict(gan.config)
    if isinstance(gan, StyleGAN):
        wanted = model.get("use_noise", True)
        if known["use_noise"] and not wanted:
            gan, known["use_noise"] = gan.rebuild(use_noise=False), False
        levels = len(known["channels"])
        channels = list(model.get("channels") or known["channels"])[:levels]
        if channels != known["channels"]:
            gan = widened(gan, channels)
    # What the configuration leaves out may be as it is.
    wanted = {name: value for name, value in upgraded(model).items() if name in model or value}
    for name, value in wanted.items():
        if name not in ("channels", "resolution") and known.get(name) != value:
            raise UserError(
                f"--start has {name} {known.get(name)!r}, the configuration {value!r}: they must "
                "be alike to go on."
            )
    return gan


def _with_classes(pictures: Pictures, gan: backbones.GAN) -> Pictures:
    """The pictures with labels if ``gan`` has classes, else without.

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


def describe(made: Pretraining) -> str:
    """What would be trained, in words and counts."""
    gan = made.start or backbones.build(made.architecture, **made.config)
    counts = [
        f"{network.name}: {sum(math.prod(v.shape) for v in network.trainable_weights):,} weights"
        for network in gan.networks()
    ]
    return "\n".join(
        [
            f"{made.method.title}, {made.architecture} {made.config}",
            f"{len(made.pictures)} pictures from {made.pictures.source}, {made.dtype}",
            *counts,
            *map(str, made.growths),
        ]
    )


def pretrain(
    made: Pretraining,
    workdir: str | os.PathLike,
    reference: str | os.PathLike | None = None,
    candidates: int = 3,
) -> Path:
    """Trains a source and keeps the best of its last snapshots as ``source.npz``.

    Args:
        made: See :func:`plan`.
        workdir: The run folder; the same call goes on from the last checkpoint.
        reference: Real pictures that were not trained on; the snapshot of the lowest FID
            is taken. None takes the last.
        candidates: How many of the last snapshots are compared.

    Returns:
        The file.
    """
    with RunFolder.open(workdir, made.identity(), {"growths": [str(g) for g in made.growths]}) as f:
        snapshots = made.run(f)
        chosen, numbers = snapshots[-1], {}
        if reference is not None:
            measured = fids(snapshots[-candidates:], reference, made.seed)
            for path, record in measured:
                f.log(f"{path.name}: FID {record['value']:.2f}")
                f.add_metric({"step": int(path.stem) // 100, **record})
            chosen, numbers = min(measured, key=lambda pair: pair[1]["value"])
            # Sources are handed on: no folder of this machine goes into them.
            numbers = {**numbers, "reference": Path(reference).name}
        gan = weights.load(chosen)
        metadata = {k: gan.source_metadata[k] for k in ("images_seen", "seed")}
        save_gan(gan, f.path / "source.npz", half=True, metadata={**metadata, "fid": numbers})
        return f.path / "source.npz"


def fids(
    snapshots: Sequence[Path], reference: str | os.PathLike, seed: int, n: int = 2000
) -> list[tuple[Path, dict[str, Any]]]:
    """FID of each snapshot, with ``n`` samples."""
    pictures = load_pictures(reference, weights.load(snapshots[-1]).image_shape[:2])
    sized = [(path, weights.load(path)) for path in snapshots]
    return [
        (path, evaluate_source(gan, pictures, ("fid",), n, seed)[0])
        for path, gan in sized
        if gan.image_shape[:2] == pictures.images.shape[1:3]
    ]
