"""The same training on one device and on several, in a process of its own."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_fewshot import backbones, methods
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.methods.problem import Problem
from tf_fewshot.training.assemble import assemble, trainer
from tf_fewshot.training.devices import Devices
from tf_fewshot.training.strategies import devices

from .conftest import TINY

BATCH = 4
# Adam divides by the root of squares: where a gradient is nothing but rounding, so is its step.
_NOISE = 1e-6


def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)


def trained(
    shared: Devices, architecture: str, method: str, steps: int, dtype: str, settings: dict
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """The numbers of some steps, and the variables after them by group, place and name."""
    keras.utils.set_random_seed(0)
    source = backbones.build(architecture, **TINY[architecture])
    chosen = methods.get(method).with_settings(**{"batch_size": BATCH, "ema_decay": 0.9} | settings)
    gan = chosen.trainable.begin(source, 0).with_precision(dtype)
    # Away from the source: what holds on to it has no gradient there but rounding.
    rng = np.random.default_rng(1)
    for variable in (v for network in gan.networks() for v in network.trainable_weights):
        variable.assign(variable + 0.05 * rng.standard_normal(variable.shape))
    problem = Problem(gan, source, images(), BATCH, seed=3, say=lambda line: None)
    assembly = assemble(chosen, problem)
    batches = Batches(Pictures(images()), BATCH, 3)
    with tempfile.TemporaryDirectory() as folder:
        loop = trainer(assembly, batches, Path(folder), devices=shared)
        keras.callbacks.CallbackList(
            list(assembly.callbacks), model=assembly.problem.gan.generator
        ).on_train_begin()
        numbers = [{k: float(v) for k, v in loop.step(number).items()} for number in range(steps)]
        state = {
            f"{group}/{i}": v.numpy()
            for group, variables in loop.checkpoints.groups.items()
            for i, v in enumerate(variables)
        }
    return numbers, state


def differences(
    architecture: str,
    method: str,
    steps: int = 1,
    dtype: str = "float32",
    replicas: int = 2,
    **settings: Any,
) -> list[str]:
    """What differs by more than rounding between one device and several, in words."""
    # In half precision replicas round what one device sums before it rounds. The losses of the
    # first step are the same to the bit; Adam's moments differed by up to 1.6 % of the largest.
    of_numbers, of_state = (3e-4, 3e-4) if dtype == "float32" else (1e-3, 0.03)
    shared = devices("mirrored", replicas)
    one = trained(devices(), architecture, method, steps, dtype, settings)
    several = trained(shared, architecture, method, steps, dtype, settings)
    found = []
    for step, (mine, theirs) in enumerate(zip(one[0], several[0], strict=True)):
        for name, value in mine.items():
            if not np.isclose(value, theirs[name], rtol=of_numbers, atol=1e-6):
                found.append(f"{name} of step {step}: {value} and {theirs[name]}")
    for name, value in one[1].items():
        other = several[1][name]
        scale = np.abs(value).max(initial=_NOISE) + _NOISE
        far = np.abs(value.astype(np.float64) - other).max(initial=0.0) / scale
        if far > of_state:
            found.append(f"{name}: {far:.2g} of {scale:.2g}")
    return found


def main(eagerly: bool, cases: list[tuple[tuple, dict]]) -> None:
    """Ends with what differs in any of the cases, all of which are for as many replicas."""
    tf.config.run_functions_eagerly(eagerly)
    failures = []
    for arguments, settings in cases:
        found = differences(*arguments, **settings)
        if found:
            failures.append(f"{arguments} {settings}: {'; '.join(found[:5])}")
    # A message for sys.exit would not be seen in a fork.
    print("\n".join(failures), file=sys.stderr)
    sys.exit(bool(failures))
