"""Sources and adapters as a bank meets them: small, moved at random, of every architecture."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tf_fewshot import backbones
from tf_fewshot.backbones import GAN
from tf_fewshot.export import Adapter
from tf_fewshot.methods.cells.filters import filter_axes, kernels_of
from tf_fewshot.methods.cells.singular import matrix_of
from tf_fewshot.methods.cells.trainable import OwnScaleShift
from tf_fewshot.methods.problem import Problem

from .conftest import TINY

_BIGGAN = {
    "resolution": 16,
    "latent_dim": 12,
    "num_classes": 3,
    "channels": [8, 8, 8],
    "attention": 0,
    "class_dim": 4,
}
_CHOICES = {
    "mapping": [16, 12],
    "choice_slots": [3, 2],
    "choice_quantiles": 2,
    "choice_variants": [[3, 2, 2], [2, 0, 1], [3, 1, 2]],
}
SOURCES: dict[str, dict[str, Any]] = {
    **{name: dict(config) for name, config in TINY.items()},
    "sngan of classes": {**TINY["sngan"], "num_classes": 3},
    "stylegan2 of classes": {**TINY["stylegan2"], "num_classes": 3},
    "biggan": _BIGGAN,
    "biggan of choices": {**_BIGGAN, **_CHOICES},
    "biggan_deep": _BIGGAN,
}


def source_of(name: str, seed: int = 0) -> GAN:
    """A source whose weights are away from where they begin, so that no term of it can hide."""
    keras.utils.set_random_seed(seed)
    gan = backbones.build(name.split()[0], discriminator=False, **SOURCES[name])
    rng = np.random.default_rng(seed)
    for variable in gan.generator.weights:
        if variable.path.endswith("moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif "seed" not in variable.path:
            variable.assign_add(rng.normal(0, 0.1, variable.shape))
    return gan


def moved(gan: GAN, seed: int) -> GAN:
    """The same GAN, with its scales and shifts moved."""
    rng = np.random.default_rng(seed)
    for role in gan.scale_shift_roles():
        for variable in (*role.gammas, *role.betas):
            variable.assign_add(rng.normal(0, 0.2, variable.shape))
    return gan


def bsa_like(
    source: GAN, seed: int, pictures: int = 5, start: int | str = "mean", **sampling: Any
) -> Adapter:
    """An adapter as BSA leaves it; ``pictures`` 0 draws from the prior."""
    adapted = moved(source.with_one_class(start).with_scale_shift(), seed)
    if pictures:
        adapted = adapted.with_latent_gaussian(pictures)
        latents = np.random.default_rng(seed).normal(0, 1, (pictures, source.free_latent_dim))
        adapted.fit_latents(latents.astype(np.float32), adapted)
    return Adapter.from_gans(
        source,
        adapted,
        method="bsa",
        source_name="tiny",
        settings={"seed": seed},
        sampling=sampling,
    )


def parts_like(source: GAN, seed: int, pictures: int = 5) -> Adapter:
    """An adapter of scales and shifts whose samples have parts of different pictures."""
    adapted = moved(source.with_one_class().with_scale_shift(), seed)
    adapted = adapted.with_latent_parts(2, pictures)
    size = (1 + 2 * pictures, source.free_latent_dim)
    origin, *latents = np.random.default_rng(seed).normal(0, 1, size).astype(np.float32)
    adapted.fit_latent_parts(np.reshape(latents, (2, pictures, -1)), origin, adapted)
    return Adapter.from_gans(source, adapted, method="mine", source_name="tiny")


def adapters_of(source: GAN) -> dict[str, Adapter]:
    """Adapters of a source that differ in all that a bank can hold."""
    first = 1 if source.num_classes else "mean"
    return {
        "five": bsa_like(source, 1, truncation=0.7),
        "nine": bsa_like(source, 2, 9),
        "prior": bsa_like(source, 3, 0, first, truncation=0.5),
        "apart": apart_like(source, 4),
    }


def apart_like(source: GAN, seed: int) -> Adapter:
    """An adapter of which rows are drawn apart: singular values, or maps to scales and shifts."""
    if source.architecture.startswith("biggan"):
        return bsa_biggan_like(source, seed)
    return fsgan_like(source, seed)


def fsgan_like(source: GAN, seed: int) -> Adapter:
    """An adapter as FSGAN leaves it: other singular values, statistics and mean of styles."""
    rng = np.random.default_rng(seed)
    adapted = source.with_one_class().clone()
    kernels = kernels_of(adapted.generator_stages())
    for kernel, axis in zip(kernels, filter_axes(adapted, kernels), strict=True):
        moved = np.moveaxis(kernel.numpy(), axis, -1)
        u, s, vt = np.linalg.svd(matrix_of(kernel.numpy(), axis), full_matrices=False)
        matrix = (u * s * rng.uniform(0.6, 1.4, s.shape)) @ vt
        kernel.assign(np.moveaxis(matrix.reshape(moved.shape), -1, axis))
    for variable in adapted.generator.weights:
        if variable.path.endswith(("w_avg", "moving_mean")):
            variable.assign_add(rng.normal(0, 0.1, variable.shape))
        elif variable.path.endswith("moving_variance"):
            variable.assign(variable * rng.uniform(0.7, 1.3, variable.shape))
    return Adapter.from_gans(source, adapted, method="fsgan", source_name="tiny")


def bsa_biggan_like(source: GAN, seed: int) -> Adapter:
    """An adapter as BSA leaves it on BigGAN: maps to scales and shifts, class, first layer."""
    rng = np.random.default_rng(seed)
    adapted = source.with_one_class("mean" if source.classes_blend else 2).with_scale_shift()
    selection = OwnScaleShift().select(Problem(adapted, source, None, 1, 0))
    for variable in selection.generator:
        variable.assign_add(rng.normal(0, 0.1, variable.shape))
    return Adapter.from_gans(source, adapted, method="bsa_biggan", source_name="tiny")
