"""Sources and adapters as a bank meets them: small, moved at random, of every architecture."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tf_fewshot import backbones
from tf_fewshot.backbones import GAN
from tf_fewshot.export import Adapter

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


def adapters_of(source: GAN) -> dict[str, Adapter]:
    """Adapters of a source that differ in all that a bank can hold."""
    start = {} if source.classes_blend else {"start": 2}
    return {
        "five": bsa_like(source, 1, truncation=0.7, **start),
        "nine": bsa_like(source, 2, 9, **start),
        "prior": bsa_like(source, 3, 0, truncation=0.5, **start),
        "first class": bsa_like(source, 4, 0, start=1 if source.num_classes else "mean"),
    }
