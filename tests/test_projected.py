"""Projected discriminators: features, mixtures, heads and hinge in NumPy, and what moves."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_fewshot import weights
from tf_fewshot.data.batches import Batches
from tf_fewshot.errors import UserError
from tf_fewshot.losses.projected import (
    ProjectedDiscriminator,
    discriminator_hinge,
    feature_network,
    generator_hinge,
)
from tf_fewshot.methods.cells import projected
from tf_fewshot.planning import plan
from tf_fewshot.pretraining import plan as plan_pretraining
from tf_fewshot.pretraining import pretrain
from tf_fewshot.training.assemble import assemble, trainer
from tf_fewshot.training.loop import Schedule

RNG = np.random.default_rng(7)
# The kernels of a network of three scales, which halve their input.
TRUNK = [
    0.4 * RNG.standard_normal(s).astype(np.float32)
    for s in ((2, 2, 3, 5), (2, 2, 5, 6), (2, 2, 6, 4))
]
WIDTH = 7


def tiny_network(images: tf.Tensor) -> list[tf.Tensor]:
    maps = [images]
    for kernel in TRUNK:
        maps.append(tf.nn.relu(tf.nn.conv2d(maps[-1], kernel, 2, "VALID")))
    return maps[1:]


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


@pytest.fixture
def through_tiny_network(monkeypatch) -> None:
    """The objective looks through a network that is small and on no server."""
    monkeypatch.setattr(projected, "feature_network", lambda name, dtype: tiny_network)


@pytest.fixture
def eagerly():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


# In NumPy -------------------------------------------------------------------------------


def convolved(x: np.ndarray, kernel: np.ndarray, pad: int = 0, stride: int = 1) -> np.ndarray:
    k = kernel.shape[0]
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height, width = ((n - k) // stride + 1 for n in x.shape[1:3])
    out = np.zeros((len(x), height, width, kernel.shape[-1]))
    for r in range(height):
        for c in range(width):
            window = x[:, r * stride : r * stride + k, c * stride : c * stride + k]
            out[:, r, c] = np.tensordot(window, kernel, 3)
    return out


def enlarged(x: np.ndarray, size: int) -> np.ndarray:
    """Bilinear: between the centres of pixels, and as the border beyond them."""
    for axis in (1, 2):
        n = x.shape[axis]
        places = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
        below = np.floor(places).astype(int)
        above = np.minimum(below + 1, n - 1)
        shape = [1] * 4
        shape[axis] = size
        share = (places - below).reshape(shape)
        x = np.take(x, below, axis) * (1 - share) + np.take(x, above, axis) * share
    return x


def numpy_features(heads: ProjectedDiscriminator, images: np.ndarray) -> list[np.ndarray]:
    maps = [images.astype(np.float64)]
    for kernel in TRUNK:
        maps.append(np.maximum(convolved(maps[-1], kernel, stride=2), 0.0))
    channels = [m @ c for m, c in zip(maps[1:], heads.channel_mixings, strict=True)]
    mixed = [channels[2]]
    for finer, mixing in (
        (channels[1], heads.scale_mixings[1]),
        (channels[0], heads.scale_mixings[0]),
    ):
        coarse = enlarged(convolved(mixed[-1], mixing, pad=1), finer.shape[1])
        mixed.append((finer + coarse) / np.sqrt(2.0))
    return mixed[::-1]


def normalised(kernel: np.ndarray, u: np.ndarray) -> np.ndarray:
    """A kernel by its largest singular value, as one power step from u has it."""
    matrix = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
    v = u @ matrix.T
    v /= np.linalg.norm(v)
    sigma = np.linalg.norm(v @ matrix)
    return kernel / sigma


def numpy_logits(
    heads: ProjectedDiscriminator, number: int, x: np.ndarray, labels=None
) -> np.ndarray:
    prefix = f"projected_head{number}_"
    named = {
        v.path.removeprefix(prefix): v.numpy()
        for v in (*heads.variables, *heads.state)
        if v.path.startswith(prefix)
    }
    i = 0
    while f"conv{i}/kernel" in named:
        kernel = normalised(named[f"conv{i}/kernel"], named[f"conv{i}/u"])
        x = convolved(x, kernel, pad=1) + named[f"conv{i}/bias"]
        x = np.where(x > 0, x, 0.2 * x)
        if f"conv{i + 1}/kernel" in named:
            n, h, w, c = x.shape
            x = x.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))
        i += 1
    logits = convolved(x, normalised(named["logit/kernel"], named["logit/u"])) + named["logit/bias"]
    if labels is not None:
        table = normalised(named["classes/kernel"].T, named["classes/u"]).T
        logits = logits + np.einsum("nhwc,nc->nhw", x, table[labels])[..., None]
    return logits


def heads_of(pictures: np.ndarray, **changes) -> ProjectedDiscriminator:
    return ProjectedDiscriminator(tiny_network, pictures, **{"size": 32, "width": WIDTH, **changes})


@pytest.mark.parametrize("classes", [0, 3])
def test_mixtures_and_logits_are_those_of_numpy(classes):
    shown = np.random.default_rng(1).uniform(-1, 1, (5, 32, 32, 3)).astype(np.float32)
    pictures = np.random.default_rng(2).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    heads = heads_of(pictures, classes=classes)
    labels = np.arange(5) % classes if classes else None
    features = heads.features(tf.constant(shown))
    expected = numpy_features(heads, shown)
    assert [f.shape[1:] for f in features] == [(n, n, WIDTH) for n in (16, 8, 4)]
    for one, other in zip(features, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    # One halving at 16 pixels, none at 8 and 4.
    logits = heads.logits(features, labels)
    assert [some.shape[1:3] for some in logits] == [(8, 8), (8, 8), (4, 4)]
    for number, (some, mixture) in enumerate(zip(logits, expected, strict=True)):
        np.testing.assert_allclose(some, numpy_logits(heads, number, mixture, labels), atol=5e-5)


def test_losses_are_hinges_summed_over_scales():
    rng = np.random.default_rng(3)
    real, fake = ([2 * rng.standard_normal((4, n, n, 1)) for n in (8, 8, 4)] for _ in range(2))
    wanted = sum(
        np.maximum(1 - r, 0).mean() + np.maximum(1 + f, 0).mean()
        for r, f in zip(real, fake, strict=True)
    )
    as_tensors = [[tf.constant(x, tf.float32) for x in some] for some in (real, fake)]
    assert float(discriminator_hinge(*as_tensors)) == pytest.approx(wanted, rel=1e-5)
    assert float(generator_hinge(as_tensors[1])) == pytest.approx(
        -sum(f.mean() for f in fake), rel=1e-4
    )
    nothing = [tf.zeros((2, 4, 4, 1))] * 3
    assert float(discriminator_hinge(nothing, nothing)) == 6.0


def test_mixtures_are_of_about_unit_size_and_of_the_seed_alone():
    pictures = np.random.default_rng(2).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    shown = tf.cast(pictures, tf.float32) / 127.5 - 1.0
    heads, again, other = (heads_of(pictures, width=64, seed=s) for s in (0, 0, 1))
    for one, same, unlike in zip(*(h.features(shown) for h in (heads, again, other)), strict=True):
        assert 0.4 < np.sqrt(np.mean(np.square(one))) < 2.0
        np.testing.assert_array_equal(one, same)
        assert np.abs(one - unlike).max() > 0.1
    for a, b in zip(
        (*heads.variables, *heads.state), (*again.variables, *again.state), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.download
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("alexnet", (23, 11, 5, 5)),
        ("vgg16", (48, 24, 12, 6)),
        ("efficientnet_lite0", (24, 12, 6, 3)),
    ],
)
def test_networks_give_four_scales_through_which_gradients_flow(name, sizes):
    pictures = np.random.default_rng(2).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    heads = ProjectedDiscriminator(feature_network(name), pictures, 96, 8)
    images = tf.cast(pictures, tf.float32) / 127.5 - 1.0
    with tf.GradientTape() as tape:
        tape.watch(images)
        features = heads.features(images)
        loss = generator_hinge(heads.logits(features))
    assert tuple(f.shape[1] for f in features) == sizes
    assert np.abs(tape.gradient(loss, images)).max() > 0


# In training ----------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["dcgan", "stylegan"])
def test_heads_and_generator_move_and_nothing_that_is_fixed(
    architecture, build_tiny, pictures, tmp_path, eagerly, monkeypatch
):
    built_heads: list[ProjectedDiscriminator] = []

    def noted(*arguments) -> ProjectedDiscriminator:
        built_heads.append(ProjectedDiscriminator(*arguments))
        return built_heads[-1]

    monkeypatch.setattr(projected, "feature_network", lambda name, dtype: tiny_network)
    monkeypatch.setattr(projected, "ProjectedDiscriminator", noted)
    keras.utils.set_random_seed(0)
    source = build_tiny(architecture).without_discriminator()
    settings = {"batch_size": 4, "feature_size": 32, "feature_channels": WIDTH}
    planned = plan(source, pictures, "projected", **settings)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    (heads,) = built_heads
    gan = assembly.problem.gan
    assert [player.name for player in assembly.players] == ["generator", "heads"]
    assert assembly.players[1].variables == heads.variables

    def values(variables) -> list[np.ndarray]:
        return [np.array(v.numpy()) for v in variables]

    fixed = [m.copy() for m in (*heads.channel_mixings, *heads.scale_mixings, *TRUNK)]
    moving = [*gan.generator.trainable_weights, *heads.variables, *heads.state]
    before = values(moving)
    log: dict[int, dict[str, float]] = {}
    loop = trainer(assembly, Batches(planned.pictures, 4, seed=0), tmp_path)
    loop.run(Schedule(2), log.__setitem__)
    # Of a kernel with one output the vector u is a sign. As long as no logit is beyond a hinge
    # the pictures pull the last bias up as much as the images pull it down.
    for v, one, other in zip(moving, before, values(moving), strict=True):
        assert v.path.endswith(("logit/u", "logit/bias")) or not np.array_equal(one, other), v.path
    now = (*heads.channel_mixings, *heads.scale_mixings, *TRUNK)
    assert all(np.array_equal(*pair) for pair in zip(fixed, now, strict=True))
    assert gan.discriminator is None and loop.sampled().discriminator is None
    assert set(log[2]) == {"generator/loss", "heads/loss", "heads/real", "heads/fake"}


def test_the_discriminator_of_a_source_has_no_part_in_it(
    tiny_dcgan, pictures, through_tiny_network
):
    planned = plan(tiny_dcgan, pictures, "projected", batch_size=4, feature_size=32)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    assert tiny_dcgan.discriminator is not None and assembly.problem.gan.discriminator is None
    assert not assembly.selection.discriminator


CONFIG = {
    "growths": [(16, 16, 0, 0.5, 0.5)],
    "batch_size": 4,
    "ema_images": 100,
    "snapshot_images": 8,
    "method": "projected",
    "feature_size": 32,
    "feature_channels": WIDTH,
}
STYLEGAN = {
    "resolution": 16,
    "latent_dim": 8,
    "w_dim": 8,
    "mapping_layers": 2,
    "channels": [8, 8, 8],
}


@pytest.mark.large
def test_it_trains_sources_that_grow(tiny_pictures, tmp_path, eagerly, through_tiny_network):
    growths = [(8, 8, 0, 0.5, 1.0), (16, 8, 4, 0.5, 1.0)]
    fields = {**CONFIG, "architecture": "stylegan", "model": STYLEGAN, "growths": growths}
    planned = plan_pretraining(fields, tiny_pictures, precision="float32")
    gan = weights.load(pretrain(planned, tmp_path / "run"))
    assert gan.discriminator is None and gan.source_metadata["images_seen"] == 16


def test_it_trains_sources_with_classes(tmp_path, eagerly, through_tiny_network):
    for name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (16, 16), colour).save(tmp_path / "data" / name / f"{i}.png")
    model = {"resolution": 16, "latent_dim": 8, "widths": [8, 8, 8], "num_classes": 2}
    fields = {**CONFIG, "architecture": "sngan", "model": model}
    planned = plan_pretraining(fields, tmp_path / "data", precision="float32")
    gan = weights.load(pretrain(planned, tmp_path / "run"))
    assert gan.num_classes == 2 and gan.discriminator is None


def test_what_it_refuses(tiny_dcgan, pictures):
    for wrong in ({"feature_size": 16}, {"feature_channels": 0}):
        planned = plan(tiny_dcgan, pictures, "projected", batch_size=4, **wrong)
        with pytest.raises(UserError, match=f"{next(iter(wrong))} must be at least"):
            assemble(planned.method, planned.problem("float32", lambda line: None))
    with pytest.raises(UserError, match="Did you mean 'vgg16'"):
        feature_network("vgg19")
