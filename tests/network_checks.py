"""What the tests of several backbones check of their networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

# keras.Model.save turns tensors into arrays in a way that NumPy 2 warns of.
saving = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def check_generator_gradients(
    gan, weights: dict[str, np.ndarray], paths: Sequence[str], drawn: Callable, atol: float
) -> None:
    """Gradients by latents and by the weights of these paths equal finite differences.

    Differences are of the NumPy network, ``drawn(weights, z)``, in float64: the step costs no
    digits that count.
    """
    z = gan.sample_latents(2, seed=1)
    rng = np.random.default_rng(3)
    pull = rng.standard_normal((2, *gan.image_shape))
    variables = [gan.variables_by_path()[path].value for path in paths]
    latents = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch([latents, *variables])
        loss = tf.reduce_sum(gan.generator(latents) * pull.astype(np.float32))
    by_z, *by_weight = tape.gradient(loss, [latents, *variables])

    def value(w, z):
        return (drawn(w, z) * pull).sum()

    wide = z.astype(np.float64)
    step, expected = 1e-5, np.zeros_like(wide)
    for at in np.ndindex(wide.shape):
        side = np.zeros_like(wide)
        side[at] = step
        expected[at] = (value(weights, wide + side) - value(weights, wide - side)) / (2 * step)
    np.testing.assert_allclose(by_z, expected, atol=2e-4 * np.abs(expected).max())
    step = 1e-6
    for path, gradient in zip(paths, by_weight, strict=True):
        own = weights[path]
        side = rng.standard_normal(own.shape) * np.abs(own).mean()
        ahead, behind = ({**weights, path: own + s * step * side} for s in (1, -1))
        slope = (value(ahead, wide) - value(behind, wide)) / (2 * step)
        by_tape = np.sum(np.asarray(gradient) * side)
        assert by_tape == pytest.approx(slope, rel=1e-3, abs=atol), path


def check_discriminator_gradient(gan, judged: Callable) -> None:
    """The gradient by images equals finite differences of the NumPy network ``judged(images)``."""
    rng = np.random.default_rng(3)
    images = rng.standard_normal((3, *gan.image_shape))
    pull = np.array([[1.0], [-2.0], [0.5]])
    seen = tf.constant(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(seen)
        score = tf.reduce_sum(gan.discriminator(seen) * pull.astype(np.float32))
    gradient = np.asarray(tape.gradient(score, seen))
    for _ in range(4):
        side = rng.standard_normal(images.shape)
        ahead, behind = ((judged(images + s * 1e-6 * side) * pull).sum() for s in (1, -1))
        slope = (ahead - behind) / 2e-6
        assert (gradient * side).sum() == pytest.approx(slope, rel=1e-3, abs=1e-3)


def check_stages(gan) -> None:
    """The stages of both networks have names of their own, and every weight once."""
    for network, stages in (
        (gan.generator, gan.generator_stages()),
        (gan.discriminator, gan.discriminator_stages()),
    ):
        assert len({stage.name for stage in stages}) == len(stages) > 2
        staged = [v.path for stage in stages for v in stage.variables]
        assert sorted(staged) == sorted(v.path for v in network.weights)
        assert all(stage.variables for stage in stages)


def check_keras_files(gan, folder: Path, *label) -> None:
    """Both networks come back from a ``.keras`` file bit-equal, with the same paths."""
    inputs = (gan.sample_latents(2, seed=0), np.ones((2, *gan.image_shape), np.float32))
    for network, x in zip(gan.networks(), inputs, strict=False):
        network.save(folder / "network.keras")
        back = keras.models.load_model(folder / "network.keras")
        assert [v.path for v in back.weights] == [v.path for v in network.weights]
        np.testing.assert_array_equal(back(x, *label), network(x, *label))
