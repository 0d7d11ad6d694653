"""What players are shown: pictures, mirrored or not, whole or in patches, and latents."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.data.batches import Batches
from tf_fewshot.errors import UserError
from tf_fewshot.methods.cells.adversarial import Adversarial, Judge
from tf_fewshot.methods.cells.latents import Prior, PriorAndAnchors
from tf_fewshot.methods.cells.patches import ImageAndPatch
from tf_fewshot.methods.cells.trainable import All
from tf_fewshot.methods.player import Batch, Problem
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import assemble, trainer
from tf_fewshot.training.loop import Schedule

PICTURES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


def problem_of(gan, batch_size: int = 4) -> Problem:
    return Problem(gan, gan.clone(), PICTURES, batch_size, 0, lambda line: None)


def batch_of(indices) -> Batch:
    images = PICTURES[np.asarray(indices)].astype(np.float32) / 127.5 - 1.0
    return Batch(tf.constant(indices), tf.constant(images), None)


class Recording(Judge):
    def __init__(self, gan):
        super().__init__(gan)
        self.shown: list[np.ndarray] = []

    def __call__(self, images, labels, anchored):
        self.shown.append(np.asarray(images))
        return super().__call__(images, labels, anchored)


@dataclasses.dataclass(frozen=True)
class Recorded(Adversarial):
    def judge(self, problem):
        judge = Recording(problem.gan)
        object.__setattr__(self, "seen", judge.shown)
        return judge


@pytest.mark.parametrize("mirror", [False, True])
def test_real_pictures_are_mirrored_when_asked(mirror, tiny_dcgan):
    problem = problem_of(tiny_dcgan)
    objective = Recorded(fresh_discriminator=True, mirror=mirror, r1_gamma=0.0)
    problem = objective.prepare(problem)
    latents = Prior().prepare(problem)
    generator, discriminator = objective.players(problem, All().select(problem), latents, [])
    batch, found = batch_of([0, 1, 2, 3]), set()
    for _ in range(8):
        objective.seen.clear()
        generator.loss(batch, False)
        discriminator.loss(batch, False)
        for shown, picture in zip(objective.seen[1], batch.images.numpy(), strict=True):
            as_it_is = np.array_equal(shown, picture)
            assert as_it_is or np.array_equal(shown, picture[:, ::-1])
            found.add(as_it_is)
    assert found == ({True, False} if mirror else {True})
    # A resumed run goes on with the same ones.
    assert (len(generator.state) == 1) == mirror


def test_anchors_are_latents_of_their_own(tiny_dcgan):
    problem = problem_of(tiny_dcgan, batch_size=8)
    source = PriorAndAnchors(anchor_noise=0.0).prepare(problem)
    drawn = source.draw(batch_of([0, 1, 2, 3, 0, 1, 2, 3]))
    assert drawn.anchored == 4
    sampled = tiny_dcgan.sample_latents(64, seed=0)
    assert np.abs(source._anchors[:, None] - sampled[None]).max(-1).min() > 0.1
    for z in drawn.values[:4].numpy():
        assert np.abs(source._anchors - z).max(1).min() == 0
    # Nor do those that are drawn begin as those that a generator mixes them with.
    other = keras.random.normal((8, tiny_dcgan.latent_dim), seed=keras.random.SeedGenerator(0))
    first = Prior().prepare(problem).draw(batch_of([0] * 8)).values
    assert np.abs(first - other).max() > 0.1


def test_whole_images_and_patches_have_their_shares(tiny_stylegan):
    problem = problem_of(tiny_stylegan, batch_size=4)
    judge = ImageAndPatch().judge(problem)
    images = tf.constant(np.random.default_rng(1).standard_normal((4, 16, 16, 3)), tf.float32)
    (whole, logits), (rest, patches) = judge(images, None, 2)
    assert (whole, rest) == (0.25, 0.75)
    assert logits.shape == (2, 1) and patches.shape[0] == 2 and patches.shape[1] > 1
    # At an equalized rate: the stored weight is of standard deviation 1.
    weight = next(v for v in judge.variables if len(v.shape) == 4)
    assert 0.8 < np.std(weight.numpy()) < 1.2
    for wrong in ({"patch_stage": 99}, {"image_share": 1.5}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            ImageAndPatch(**wrong).judge(problem)


def test_a_picture_that_occurs_twice_moves_its_latent_by_one_step_of_adam(tiny_dcgan, tmp_path):
    settings = {"latent_noise": 0.0, "latent_learning_rate": 0.05, "perceptual_weight": 0.0}
    made = plan(tiny_dcgan, PICTURES[:2], "bsa", batch_size=4, **settings)
    assembly = assemble(made.method, made.problem("float32", lambda line: None))
    trainer(assembly, Batches(made.pictures, 4, 0), tmp_path).run(Schedule(1))
    moved = np.abs(assembly.latents.variables[0].numpy())
    # The first step of Adam is its rate, whatever the gradient.
    np.testing.assert_allclose(moved, 0.05, rtol=5e-2)
