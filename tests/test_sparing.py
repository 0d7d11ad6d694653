"""Networks that spare memory: the same results and gradients as if they did not."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot import backbones, methods
from tf_fewshot.backbones import fresh
from tf_fewshot.backbones.sparing import Sparing
from tf_fewshot.compat.recomputation import Results, recomputed
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.methods.cells.reconstruction import Reconstruction
from tf_fewshot.methods.step import Step
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import Assembly, assemble

from .conftest import TINY

BIGGAN = {"resolution": 16, "channels": [16, 16, 8], "class_dim": 4, "num_classes": 3}
SOURCES = {
    **TINY,
    "biggan": {**BIGGAN, "latent_dim": 9},
    "biggan_deep": {**BIGGAN, "latent_dim": 8, "statistics": 3},
}
SETTINGS = {"batch_size": 4, "fisher_samples": 2, "fisher_cache": False, "frozen_stages": 2}
SETTINGS |= {"miner_steps": 0, "miner_width": 8, "patch_stage": 1, "r1_gamma": 3.0}
# At the start the likenesses are the source's, and their gradients 1000 times rounding.
SETTINGS |= {"consistency_weight": 1.0}
SETTINGS |= {"probe_steps": 1, "probe_samples": 2, "warmup_steps": 0}


# A function of rows and a matrix, and a sum over the rows.
def _function(by_row, whole):
    (x,), (w,) = by_row, whole
    h = tf.tanh(x @ w)
    return Results([h * x], [tf.reduce_sum(h**3, 0)], [])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("rows", [None, 2, 1])
def test_gradients_and_theirs_are_those_of_the_function(rows, compiled):
    """Five rows, of which the last is a part of its own; first, second and third derivatives."""
    rng = np.random.default_rng(0)
    x, w = (tf.constant(rng.standard_normal(s), tf.float64) for s in ((5, 3), (3, 3)))

    def derivatives(spared, x, w):
        with tf.GradientTape(persistent=True) as third:
            third.watch([x, w])
            with tf.GradientTape(persistent=True) as second:
                second.watch([x, w])
                with tf.GradientTape(persistent=True) as first:
                    first.watch([x, w])
                    called = (
                        recomputed(_function, [x], [w], rows) if spared else _function([x], [w])
                    )
                    loss = tf.reduce_sum(called.by_row[0] ** 2) + tf.reduce_sum(called.sums[0] ** 2)
                of_x, of_w = first.gradient(loss, [x, w])
                norm = tf.reduce_sum(of_x**2) + tf.reduce_sum(of_w**2)
            again = second.gradient(norm, [x, w])
            norm = tf.reduce_sum(again[0] ** 2) + tf.reduce_sum(again[1] ** 2)
        return [loss, of_x, of_w, *again, *third.gradient(norm, [x, w])]

    wrap = tf.function if compiled else (lambda function: function)
    spared, plain = (wrap(derivatives)(spared, x, w) for spared in (True, False))
    for a, b in zip(spared, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def _pairs():
    """Every backbone with a game, and what is more than a test of every day needs."""
    usual = {("stylegan2", "transfergan"), ("biggan", "transfergan"), ("stylegan", "ewc")}
    usual |= {("dcgan", "transfergan")}  # R1 through batch normalisation
    for architecture in sorted(SOURCES):
        for name in methods.names():
            judgeless = architecture in ("biggan", "biggan_deep")
            if judgeless and methods.get(name).keeps_discriminator:
                continue
            marks = [] if (architecture, name) in usual else [pytest.mark.large]
            if isinstance(methods.get(name).objective, Reconstruction):
                marks.append(pytest.mark.download)
            yield pytest.param(architecture, name, id=f"{architecture}-{name}", marks=marks)


@pytest.mark.parametrize(("architecture", "name"), list(_pairs()))
def test_every_method_has_the_gradients_that_it_has_without(architecture, name, monkeypatch):
    """Two pictures at a time of four: losses, gradients of all players, and what else moves."""
    monkeypatch.setattr(fresh, "_MAXIMUM", 16)
    keras.utils.set_random_seed(1)
    source = backbones.build(architecture, **SOURCES[architecture])
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    pictures = Pictures(images, latents=source.sample_latents(4, seed=3))
    wanted = dict(SETTINGS)
    if architecture in ("biggan", "biggan_deep"):
        source.generator.attention.gamma.assign(0.5)
        wanted |= {"fresh_discriminator": True, "fisher_likelihood": "pixels"}
    known = methods.get(name).settings()
    planned = plan(source, pictures, name, **{k: v for k, v in wanted.items() if k in known})
    tf.config.run_functions_eagerly(True)
    try:
        assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
        for callback in assembly.callbacks:
            callback.on_train_begin()
        batches = Batches(planned.pictures, 4, seed=0)
        plain = _moved(assembly, batches, None)
        spared = _moved(assembly, batches, Sparing(2))
    finally:
        tf.config.run_functions_eagerly(False)
    assert plain.keys() == spared.keys()
    # AlexNet's kinks: weights that are moved by 3e-7 of their size change these gradients as much.
    allowed = 5e-3 if name == "judged_reconstruction" else 1e-4
    largest: dict[str, float] = {}
    for key, value in plain.items():
        owner = key.split(" ")[0]
        largest[owner] = max(largest.get(owner, 1e-6), np.abs(value).max(initial=0.0))
    for key, value in plain.items():
        # What comes before a normalisation has gradients of rounding alone.
        scale = max(np.abs(value).max(initial=0.0), 1e-2 * largest[key.split(" ")[0]])
        np.testing.assert_allclose(spared[key] / scale, value / scale, atol=allowed, err_msg=key)


def _moved(assembly: Assembly, batches: Batches, sparing: Sparing | None) -> dict[str, np.ndarray]:
    """Losses and gradients of all players, and all variables afterwards; then all is as before."""
    gan = assembly.problem.gan
    kept = [v for network in gan.networks() for v in network.variables]
    kept += [*assembly.latents.variables, assembly.latents.seeds.state]
    kept += [v for player in assembly.players for v in player.state]
    before = [v.numpy() for v in kept]
    for network in gan.networks():
        network.sparing = sparing
    found: dict[str, np.ndarray] = {}
    for player in assembly.players:
        names = frozenset(p.name for p in assembly.players)
        step = Step(tf.constant(0), *_batch(batches), names)
        targets = [v for group in player.groups for v in group.targets]
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in targets])
            loss, numbers = player.loss(step)
            total = tf.add_n(tf.nest.flatten(loss))
        found |= {f"{player.name} {k}": np.asarray(v) for k, v in numbers.items()}
        gradients = tape.gradient(total, [v.value for v in targets], unconnected_gradients="zero")
        for i, (variable, gradient) in enumerate(zip(targets, gradients, strict=True)):
            found[f"{player.name} of {variable.path} {i}"] = tf.convert_to_tensor(gradient).numpy()
    for i, (variable, value) in enumerate(zip(kept, before, strict=True)):
        found[f"after {variable.path} {i}"] = variable.numpy().astype(np.float64)
        variable.assign(value)
    return found


def _batch(batches: Batches):
    indices, images, labels = batches[0]
    return tf.constant(indices), tf.cast(images, tf.float32) / 127.5 - 1.0, labels
