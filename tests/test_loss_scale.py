"""Training in float16: gradients that would vanish, that overflow, and that are none."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.methods.player import Group, Player
from tf_fewshot.training.ema import EMA
from tf_fewshot.training.loop import Schedule, Trainer
from tf_fewshot.training.loss_scale import LossScale

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)


@pytest.mark.parametrize("gradient", [1.0, 1e-9])
def test_gradients_are_those_without_a_scale(gradient):
    variable, scale = tf.Variable(tf.ones([3])), LossScale()

    @tf.function
    def gradients_both_ways():
        with tf.GradientTape(persistent=True) as tape:
            # Where 1e-9 is below the smallest number of float16, 6e-8.
            loss = tf.reduce_sum(tf.cast(tf.cast(variable, tf.float16), tf.float32)) * gradient
            scaled = scale.scaled(loss)
        plain = tape.gradient(loss, variable)
        return plain, *scale.unscaled([tape.gradient(scaled, variable)])

    plain, gradients, finite = gradients_both_ways()
    assert bool(finite)
    np.testing.assert_allclose(gradients[0], np.full(3, gradient), rtol=2e-3)
    assert bool(tf.reduce_all(plain == 0)) == (gradient < 6e-8)


def test_the_scale_halves_with_each_overflow_and_doubles_in_time():
    scale = LossScale(initial=8.0, interval=3)
    seen = []
    good, bad = tf.ones([2]), tf.constant([1.0, np.inf])
    for gradient in (good, bad, good, good, good, good, tf.constant([np.nan, 1.0])):
        _, finite = scale.unscaled([good, gradient])
        assert bool(finite) == bool(tf.reduce_all(tf.math.is_finite(gradient)))
        seen.append(float(scale.scale.value))
    assert seen == [8.0, 4.0, 4.0, 4.0, 8.0, 8.0, 4.0]


def toy(build_tiny, folder, loss) -> tuple[Trainer, keras.Variable]:
    """A trainer of one number by ``loss(number)``, with scaled losses."""
    number = keras.Variable(np.array([1.0], np.float32), name="number")
    player = Player(
        "p",
        [Group([number], 0.1)],
        lambda step: (loss(number.value), {"loss": tf.reduce_sum(number.value)}),
    )
    gan = build_tiny("dcgan")
    trainer = Trainer(
        [player],
        Batches(Pictures(IMAGES), 4, 0),
        {"number": [number]},
        folder,
        EMA(gan, 0.0),
        scale_losses=True,
    )
    return trainer, number


def test_a_step_that_overflows_changes_nothing_but_the_scale(build_tiny, tmp_path):
    # 4 of the loss's scale of 32768 are beyond the 65504 of float16, and 4 of 8192 are not.
    trainer, number = toy(
        build_tiny,
        tmp_path,
        lambda x: tf.reduce_sum(tf.cast(4.0 * tf.cast(x, tf.float16), tf.float32)),
    )
    numbers, scales = [], []
    for step in range(4):
        logs = trainer.step(step)
        numbers.append(float(number.numpy()[0]))
        scales.append(float(logs["p/loss_scale"]))
    assert scales == [2.0**14, 2.0**13, 2.0**13, 2.0**13]
    assert numbers[:2] == [1.0, 1.0]
    # Adam's first steps of a constant gradient are of its learning rate.
    np.testing.assert_allclose(numbers[2:], [0.9, 0.8], atol=1e-5)


def test_the_scale_is_part_of_a_checkpoint(build_tiny, tmp_path):
    def loss(x):
        return tf.reduce_sum(tf.cast(4.0 * tf.cast(x, tf.float16), tf.float32))

    trainer, number = toy(build_tiny, tmp_path, loss)
    trainer.run(Schedule(steps=3))
    again, same = toy(build_tiny, tmp_path, loss)
    assert again.restore() == 3
    assert same.numpy() == number.numpy()
    assert float(again.step(3)["p/loss_scale"]) == 2.0**13


def test_gradients_that_are_no_numbers_end_the_run(build_tiny, tmp_path):
    trainer, number = toy(
        build_tiny, tmp_path, lambda x: tf.reduce_sum(x * np.float32(np.inf) * 0.0)
    )
    with pytest.raises(UserError, match=r"diverged: the gradient of p is not a finite number at"):
        trainer.run(Schedule(steps=100))
    assert number.numpy() == [1.0]


@pytest.mark.parametrize(
    ("backbone", "method"),
    [
        ("dcgan", "ewc"),
        ("dcgan", "bsa"),
        pytest.param("stylegan", "ewc", marks=pytest.mark.large),
        pytest.param("stylegan2", "transfergan", marks=pytest.mark.large),
        pytest.param("sngan", "transfergan", marks=pytest.mark.large),
    ],
)
def test_every_backbone_trains_in_float16(build_tiny, backbone, method, tmp_path):
    gan = build_tiny(backbone)
    before = {v.path: v.numpy() for v in gan.generator.trainable_weights}
    # New weights of this size need a scale of 8 in StyleGAN; it halves to that, once a step.
    options = {"precision": "float16", "batch_size": 4, "steps": 20}
    run = tff.adapt(gan, IMAGES, method, workdir=tmp_path / "run", **options)
    assert "Precision float16, as asked." in (run.folder / "log.txt").read_text()
    assert run.gan.precision == "float32"
    assert np.isfinite(run.sample(2, seed=0)).all()
    if method == "bsa":
        assert all(np.any(role.gammas[0] != 1.0) for role in run.gan.scale_shift_roles())
    else:
        after = {v.path: v.numpy() for v in run.gan.generator.trainable_weights}
        assert [path for path, value in before.items() if np.all(after[path] == value)] == []
    logged = json.loads((run.folder / "stats.jsonl").read_text().splitlines()[-1])
    scales = [value for key, value in logged.items() if key.endswith("loss_scale")]
    assert scales
    assert min(scales) >= 1.0
