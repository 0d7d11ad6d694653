"""What players are shown: pictures, mirrored or not, whole or in patches, and latents."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot import methods
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.methods.cells.adversarial import Adversarial
from tf_fewshot.methods.cells.game import LazyR1
from tf_fewshot.methods.cells.judge import Judge
from tf_fewshot.methods.cells.latents import Prior, PriorAndAnchors
from tf_fewshot.methods.cells.patches import ImageAndPatch
from tf_fewshot.methods.cells.trainable import All
from tf_fewshot.methods.player import Penalty, Turn
from tf_fewshot.methods.problem import Problem
from tf_fewshot.methods.step import Shared, Step, detached
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import assemble, trainer
from tf_fewshot.training.loop import Schedule

PICTURES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


def problem_of(gan, batch_size: int = 4) -> Problem:
    return Problem(gan, gan.clone(), PICTURES, batch_size, 0, lambda line: None)


def step_of(indices, due=frozenset()) -> Step:
    pictures = PICTURES[np.asarray(indices)].astype(np.float32) / 127.5 - 1.0
    return Step(tf.constant(0), tf.constant(indices), tf.constant(pictures), None, due)


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
    objective = Recorded(fresh_discriminator=True, mirror=mirror, r1=LazyR1(r1_gamma=0.0))
    problem = objective.prepare(problem)
    latents = Prior().prepare(problem)
    generator, discriminator = objective.players(problem, All().select(problem), latents, [])
    orientations = set()
    for _ in range(8):
        objective.seen.clear()
        step = step_of([0, 1, 2, 3])
        generator.loss(step)
        discriminator.loss(step)
        for shown, picture in zip(objective.seen[1], step.pictures.numpy(), strict=True):
            as_it_is = np.array_equal(shown, picture)
            assert as_it_is or np.array_equal(shown, picture[:, ::-1])
            orientations.add(as_it_is)
    assert orientations == ({True, False} if mirror else {True})
    # A resumed run goes on with the same ones.
    assert (len(generator.state) == 1) == mirror


# The step that players share ---------------------------------------------------------------


def gradients_of(player, step: Step) -> list[np.ndarray]:
    tensors = [v.value for group in player.groups for v in group.targets]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensors)
        loss, _ = player.loss(step)
    return [g.numpy() for g in tape.gradient(loss, tensors, unconnected_gradients="zero")]


def game_of(gan, penalties=(), **settings):
    problem = problem_of(gan)
    objective = Adversarial(**settings)
    latents = Prior().prepare(problem)
    return objective.players(problem, All().select(problem), latents, list(penalties))


def test_one_pass_of_the_generator_serves_all_players(tiny_dcgan, monkeypatch):
    passes = []
    generate = tiny_dcgan.generator.call

    def call(*arguments, **options):
        passes.append(1)
        return generate(*arguments, **options)

    monkeypatch.setattr(tiny_dcgan.generator, "call", call)
    generator, discriminator = game_of(tiny_dcgan)
    step = step_of([0, 1, 2, 3])
    generator.loss(step)
    discriminator.loss(step)
    assert len(passes) == 1
    # Another step has images of its own.
    generator.loss(step_of([0, 1, 2, 3]))
    assert len(passes) == 2


@pytest.mark.parametrize("alone", [False, True])
def test_a_discriminator_can_come_first_or_be_alone(tiny_dcgan, alone):
    generator, discriminator = game_of(tiny_dcgan)
    step = step_of([0, 1, 2, 3])
    assert any(np.abs(g).max() > 0 for g in gradients_of(discriminator, step))
    if not alone:
        # What was made for the discriminator has no gradients; the generator has its own.
        assert all(np.abs(g).max() > 0 for g in gradients_of(generator, step))


def test_what_is_shared_is_computed_once_and_seen_without_gradients():
    count = []

    def squared(step: Step) -> list[tf.Tensor]:
        count.append(step.number)
        return [x * x]

    x, shared, step = tf.constant(3.0), Shared(squared), step_of([0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        (value,) = shared.fresh(step)
        (seen,) = shared.seen(step)
        both = value + seen
    assert len(count) == 1 and float(seen) == 9.0
    assert float(tape.gradient(both, x)) == 6.0
    shared.seen(step_of([1]))
    assert len(count) == 2
    shared.given(step, [x])
    assert float(shared.seen(step)[0]) == 3.0 and len(count) == 2
    assert detached({"left": "as it is"}) == {"left": "as it is"}


def test_penalties_of_either_player_see_its_turn(tiny_dcgan):
    turns: dict[str, Turn] = {}

    def term(turn: Turn):
        turns[turn.player] = turn
        return tf.constant(100.0), {"term": tf.constant(100.0)}

    players = game_of(tiny_dcgan, [Penalty("discriminator", term), Penalty("generator", term)])
    step = step_of([0, 1, 2, 3])
    for player in players:
        loss, numbers = player.loss(step)
        assert float(loss) == pytest.approx(float(numbers["loss"]) + 100.0)
    assert turns.keys() == {"generator", "discriminator"}
    assert turns["generator"].real is None
    np.testing.assert_array_equal(turns["discriminator"].real, step.pictures)
    images = [turn.generated.images for turn in turns.values()]
    np.testing.assert_array_equal(*images)


def test_rare_terms_are_those_of_the_player_that_is_due(tiny_dcgan):
    _, discriminator = game_of(tiny_dcgan)
    for due, expected in ((set(), False), ({"generator"}, False), ({"discriminator"}, True)):
        _, numbers = discriminator.loss(step_of([0, 1, 2, 3], frozenset(due)))
        assert ("r1" in numbers) is expected


# What players are shown --------------------------------------------------------------------


def test_anchors_are_latents_of_their_own(tiny_dcgan):
    problem = problem_of(tiny_dcgan, batch_size=8)
    source = PriorAndAnchors(anchor_noise=0.0).prepare(problem)
    drawn = source.draw(step_of([0, 1, 2, 3, 0, 1, 2, 3]))
    assert drawn.anchored == 4
    sampled = tiny_dcgan.sample_latents(64, seed=0)
    assert np.abs(source._anchors[:, None] - sampled[None]).max(-1).min() > 0.1
    for z in drawn.values[:4].numpy():
        assert np.abs(source._anchors - z).max(1).min() == 0
    # Nor do those that are drawn begin as those that a generator mixes them with.
    other = keras.random.normal((8, tiny_dcgan.latent_dim), seed=keras.random.SeedGenerator(0))
    first = Prior().prepare(problem).draw(step_of([0] * 8)).values
    assert np.abs(first - other).max() > 0.1


def test_whole_images_and_patches_have_their_shares(tiny_stylegan):
    problem = problem_of(tiny_stylegan, batch_size=4)
    judge = ImageAndPatch().judge(problem)
    images = tf.constant(np.random.default_rng(1).standard_normal((4, 16, 16, 3)), tf.float32)
    (whole, logits), (rest, patches) = judge(images, None, 2).opinions
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
    planned = plan(tiny_dcgan, PICTURES[:2], "bsa", batch_size=4, **settings)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    trainer(assembly, Batches(planned.pictures, 4, 0), tmp_path).run(Schedule(1))
    moved = np.abs(assembly.latents.variables[0].numpy())
    # The first step of Adam is its rate, whatever the gradient.
    np.testing.assert_allclose(moved, 0.05, rtol=5e-2)


@pytest.mark.parametrize("name", ["bsa", "known_latents_game"])
def test_what_has_no_weight_is_not_looked_through(name, tiny_dcgan, tmp_path):
    method = methods.get(name)
    assert {"vgg16", "alexnet"} & {*method.trained_through}
    without = method.with_settings(perceptual_weight=0.0)
    assert not {"vgg16", "alexnet"} & {*without.trained_through}
    latents = np.zeros((2, tiny_dcgan.latent_dim), np.float32)
    pictures = Pictures(PICTURES[:2], latents=latents, source="noise")
    planned = plan(tiny_dcgan, pictures, name, batch_size=2, perceptual_weight=0.0)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    seen: dict[str, float] = {}
    loop = trainer(assembly, Batches(planned.pictures, 2, 0), tmp_path)
    loop.run(Schedule(1), lambda step, numbers: seen.update(numbers))
    assert any("pixels" in key for key in seen)
    assert not any("perceptual" in key for key in seen)
