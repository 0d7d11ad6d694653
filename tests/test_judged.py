"""Judged reconstruction: what is drawn between pictures, who judges it, and what that moves."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tf_fewshot.errors import UserError
from tf_fewshot.losses.augmentation import seeds_for
from tf_fewshot.methods.cells.fitted import Table, between
from tf_fewshot.methods.cells.latents import Prior
from tf_fewshot.methods.problem import Problem
from tf_fewshot.methods.step import Step
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import assemble

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8)


def table(gan, count: int = 5):
    source = Table(latent_noise=0.0).prepare(Problem(gan, gan, PICTURES[:count], 2, 0))
    rng = np.random.default_rng(1)
    for variable in source.variables:
        variable.assign(rng.standard_normal(variable.shape))
    return source


def test_latents_between_pictures_have_their_mean_and_covariance(tiny_gan):
    source = table(tiny_gan)
    fitted, seeds = source.fitted(), seeds_for(0, "test")
    drawn = between(source, 20_000, seeds)
    assert drawn.free and drawn.values.shape == (20_000, tiny_gan.free_latent_dim)
    values, scale = drawn.values.numpy(), fitted.std(0).max()
    np.testing.assert_allclose(values.mean(0), fitted.mean(0), atol=0.05 * scale)
    np.testing.assert_allclose(np.cov(values.T), np.cov(fitted.T), atol=0.1 * scale**2)


def test_of_one_picture_there_is_nothing_between(tiny_dcgan):
    source = table(tiny_dcgan, 1)
    drawn = between(source, 3, seeds_for(0, "test")).values
    np.testing.assert_allclose(drawn, np.repeat(source.fitted(), 3, 0), atol=1e-6)


def test_latents_that_are_not_fitted_are_refused(tiny_dcgan):
    source = Prior().prepare(Problem(tiny_dcgan, tiny_dcgan, PICTURES, 2, 0))
    with pytest.raises(UserError, match="fitted to these, such as 'Table'"):
        between(source, 2, seeds_for(0, "test"))


@pytest.fixture
def assembly(tiny_dcgan):
    chosen = plan(tiny_dcgan, PICTURES, "judged_reconstruction", batch_size=4, precision="float32")
    return assemble(chosen.method, chosen.problem("float32", print))


def step_of(indices) -> Step:
    pictures = tf.cast(PICTURES[indices], tf.float32) / 127.5 - 1.0
    return Step(tf.constant(0), tf.constant(indices, tf.int32), pictures)


@pytest.mark.download
def test_heads_judge_what_lies_between_and_move_the_generator_alone(assembly):
    generator, heads = assembly.players
    assert heads.name == "features"
    rng = np.random.default_rng(1)
    for variable in generator.variables:
        if "latent_table" in variable.path:
            variable.assign(rng.standard_normal(variable.shape))
    step = step_of([0, 1, 2, 3])
    with tf.GradientTape(persistent=True) as tape:
        total, numbers = generator.loss(step)
        judged = numbers["features"]
    parts = numbers["pixels"] + numbers["perceptual"] + 0.3 * judged
    rest = sum(v for k, v in numbers.items() if k not in ("pixels", "perceptual", "features"))
    assert float(total) == pytest.approx(float(parts), abs=0.02 * float(rest))
    latents = [v for v in generator.variables if "latent" in v.path]
    weights = [v for v in generator.variables if "latent" not in v.path]
    assert latents and weights
    values = [v.value for v in latents]
    assert tape.gradient(judged, values) == [None] * len(latents)
    assert all(g is not None for g in tape.gradient(total, values))
    moved = tape.gradient(judged, [v.value for v in weights])
    assert all(g is not None and float(tf.norm(g)) > 0 for g in moved)
    # Two when heads cannot tell anything, and nobody has moved yet.
    own, _ = heads.loss(step)
    assert float(own) == pytest.approx(2.0, abs=0.3)


@pytest.mark.download
def test_the_strength_of_augmentation_follows_the_heads(tiny_dcgan):
    settings = {
        "batch_size": 4,
        "augment": "ada",
        "ada_images": 100,
        "precision": "float32",
    }
    chosen = plan(tiny_dcgan, PICTURES, "judged_reconstruction", **settings)
    _, heads = assemble(chosen.method, chosen.problem("float32", print)).players
    for variable in heads.variables:
        if variable.shape == (1,):
            variable.assign([9.0])  # They are sure of every picture.
    strengths = [float(heads.loss(step_of([0, 1, 2, 3]))[1]["augment_p"]) for _ in range(9)]
    # 16 pictures between two changes, 100 from 0 to 1.
    assert strengths == pytest.approx(3 * [0.0] + 4 * [0.16] + 2 * [0.32])


@pytest.mark.download
def test_without_its_weight_it_is_reconstruction(tiny_dcgan):
    chosen = tff.methods.get("judged_reconstruction")
    assert chosen.trained_through == ("alexnet",)
    assert chosen.with_settings(perceptual_network="vgg16").trained_through == ("vgg16", "alexnet")
    alone = plan(tiny_dcgan, PICTURES, "judged_reconstruction", feature_weight=0.0)
    assert alone.method.trained_through == ("alexnet",)
    players = assemble(alone.method, alone.problem("float32", print)).players
    assert [player.name for player in players] == ["generator"]
    assert isinstance(players[0].variables[0], keras.Variable)
