"""What the reconstruction objective compares, and how its learning rates fall."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tf_fewshot import methods
from tf_fewshot.methods.cells.reconstruction import FallingRates, as_shown
from tf_fewshot.methods.problem import Problem
from tf_fewshot.methods.step import Step
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import assemble

IMAGES = arrays.arrays(np.float32, (7,), elements=st.floats(-3, 3, width=32))
LEVELS = arrays.arrays(np.uint8, (7,), elements=st.integers(0, 255))


@given(IMAGES, LEVELS)
def test_what_is_shown_alike_is_alike(images, levels):
    """Errors are those of clipped images, except at pixels beyond the range that must come back."""
    pictures = levels.astype(np.float32) / 127.5 - 1.0
    with tf.GradientTape() as tape:
        x = tf.constant(images)
        tape.watch(x)
        error = tf.abs(as_shown(x, tf.constant(pictures)) - pictures)
    gradient = tape.gradient(error, x).numpy()
    shown = np.abs(np.clip(images, -1, 1) - pictures)
    error = error.numpy()
    assert np.array_equal(error == 0, shown == 0)
    inside = np.abs(images) <= 1
    assert np.array_equal(error[inside], shown[inside])
    # Wherever a viewer sees a difference there is something to follow.
    expected = np.where(error > 0, np.sign(images - pictures), 0)
    assert np.array_equal(gradient, expected)


@pytest.mark.download
@pytest.mark.parametrize(
    ("clip", "picture", "bias", "pixels"),
    [
        (True, 255, 4.0, 0.0),
        (False, 255, 4.0, 3.0),
        (True, 0, -4.0, 0.0),
        (True, 0, 4.0, 5.0),
        (True, 255, -4.0, 5.0),
        (True, 254, 4.0, 4.0 - (254 / 127.5 - 1)),
    ],
)
def test_overshoot_costs_nothing_where_the_picture_is_white(
    clip, picture, bias, pixels, tiny_stylegan
):
    gan = tiny_stylegan
    layer = gan.generator.to_rgb["16"]
    layer.weight.assign(tf.zeros_like(layer.weight))
    layer.bias.assign([bias] * 3)
    images = np.full((2, 16, 16, 3), picture, np.uint8)
    method = methods.get("bsa").with_settings(batch_size=2, clip_images=clip)
    problem = Problem(gan, gan.clone(), images, 2, 0, lambda line: None)
    (player,) = assemble(method, problem).players
    shown = tf.constant(images / 127.5 - 1.0, tf.float32)
    _, numbers = player.loss(Step(tf.constant(0), tf.range(2), shown))
    assert float(numbers["pixels"]) == pytest.approx(pixels, abs=1e-5)
    assert (float(numbers["perceptual"]) == 0) is (pixels == 0)


def test_rates_fall_over_the_run_or_as_in_the_code():
    over = FallingRates(rate_decay=0.02, rate_decay_steps=None).falling(0.1, steps=50)
    assert float(over(0)) == pytest.approx(0.1)
    assert float(over(25)) == pytest.approx(0.1 * (1 + 0.02) / 2)
    assert float(over(50)) == float(over(60)) == pytest.approx(0.1 * 0.02)
    code = FallingRates().falling(0.1, steps=50)
    assert [float(code(k)) for k in (0, 2999, 3000, 6000)] == pytest.approx([0.1, 0.1, 0.02, 0.004])


def test_the_rates_fall_over_the_steps_that_were_asked_for(tiny_stylegan):
    images = np.zeros((2, 16, 16, 3), np.uint8)
    planned = plan(tiny_stylegan, images, "bsa", steps=7, batch_size=2)
    assert planned.problem("float32", lambda line: None).steps == 7
