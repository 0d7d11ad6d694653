"""What configurations of earlier versions import as ``tf_fewshot.configs.shared``.

There they took the settings that methods share. The values are those that the methods have now.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .catalogue import catalogue

_NAME = "tf_fewshot.configs.shared"
_RECONSTRUCTION = """
    steps batch_size rate_decay rate_decay_steps clip_images reconstruction_norm perceptual_norm
    perceptual_weight perceptual_input ema_decay truncation latent_distribution
"""
_LATENT_TABLE = """
    latent_learning_rate latent_noise latent_prior_convention latent_prior_weight
    latent_prior_samples
"""
_NEW_SOURCE = """
    batch_size learning_rate d_learning_rate ema_images snapshot_images adversarial_loss
    fresh_discriminator r1_interval clip_images feature_weight feature_learning_rate augment
    augment_p ada_target ada_images
"""


@contextlib.contextmanager
def importable(source: str, new_source: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
    """Lets the name of that module be imported in the block.

    Args:
        source: The source of configurations that name none.
        new_source: Gives the recipe whose settings new sources shared.
    """
    module = types.ModuleType(_NAME)
    module.__dict__.update(
        adversarial=lambda: {"source": source, **_of_method("transfergan")},
        reconstruction=lambda: {"source": source, **_of_method("update_all", _RECONSTRUCTION)},
        latent_table=lambda: _of_method("update_all", _LATENT_TABLE),
        new_source=lambda: _of_pretraining(new_source()),
    )
    sys.modules[_NAME] = module
    try:
        yield
    finally:
        # A recipe that is read within the block has removed it already.
        sys.modules.pop(_NAME, None)


def _of_method(name: str, names: str = "") -> dict[str, Any]:
    known = catalogue().method(name).settings
    return {n: known[n].value for n in (names.split() or known)}


def _of_pretraining(recipe: Mapping[str, Any]) -> dict[str, Any]:
    known = catalogue().pretraining("scratch").settings
    return {name: recipe.get(name, known[name].value) for name in _NEW_SOURCE.split()}
