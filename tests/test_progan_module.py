"""Progressive GAN from TF-Hub modules, by TF-GAN's names: TF1 graphs of raw operations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tf_fewshot.errors import UserError

v1 = tf.compat.v1
SCOPE = "module/Generator/progressive_gan_generator"


def write_module(path: Path, average: bool = True, tanh: bool = False, drop=(), seed: int = 0):
    """Writes a generator of 16 pixels as TF-GAN builds it; the module gives pixels in [0, 1]."""
    widths, rng, feeds = [7, 5, 4], np.random.default_rng(seed), {}

    def variable(name, shape):
        used = None
        for suffix in ("", "/ExponentialMovingAverage") if average else ("",):
            if name in drop:
                continue
            used = v1.get_variable(f"{SCOPE}/{name}{suffix}", shape, use_resource=True)
            feeds[used.initial_value] = rng.standard_normal(shape).astype(np.float32)
        return tf.zeros(shape) if used is None else used

    def conv(x, scope, size, filters, padding="SAME", hidden=True):
        kernel = variable(f"{scope}/conv2d/kernel", [size, size, x.shape[-1], filters])
        gain = np.sqrt((2 if hidden else 1) / (size * size * int(x.shape[-1])))
        y = tf.nn.conv2d(x, kernel, 1, padding) * gain + variable(f"{scope}/bias", [filters])
        if not hidden:
            return tf.tanh(y) if tanh else y
        y = tf.nn.leaky_relu(y, 0.2)
        return y * tf.math.rsqrt(tf.reduce_mean(y**2, 3, keepdims=True) + 1e-8)

    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        z = v1.placeholder(tf.float32, [None, 6], "latent_vector")
        x = z[:, None, None]
        x *= tf.math.rsqrt(tf.reduce_mean(x**2, 3, keepdims=True) + 1e-8)
        x = tf.pad(x, [[0, 0], [3, 3], [3, 3], [0, 0]])
        pixels = None
        for i, width in enumerate(widths):
            block = f"progressive_gan_block_{i + 1}"
            if i:
                x = tf.repeat(tf.repeat(x, 2, 1), 2, 2)
            x = conv(x, f"{block}/conv0", 3 if i else 4, width, "SAME" if i else "VALID")
            x = conv(x, f"{block}/conv1", 3, width)
            # Blocks before the last have pixels, too, which are used while it grows.
            pixels = conv(x, f"{block}/to_rgb", 1, 3, hidden=False)
        assert pixels is not None
        output = pixels / 2 + 0.5
        session.run([v.initializer for v in v1.global_variables()], feeds)
        signature = v1.saved_model.predict_signature_def({"latent_vector": z}, {"default": output})
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            session, tags=[], signature_def_map={"default": signature}
        )
        builder.save()
    return path


@pytest.mark.parametrize("average", [True, False])
def test_a_module_draws_what_its_graph_draws(average, tmp_path):
    path = write_module(tmp_path / "progan-16", average)
    gan = tff.load(path)
    assert (gan.architecture, gan.image_shape, gan.latent_dim) == ("progan", (16, 16, 3), 6)
    assert gan.discriminator is None
    z = gan.sample_latents(3, seed=1)
    graph = tf.saved_model.load(str(path)).signatures["default"]
    expected = graph(tf.constant(z))["default"].numpy() * 2 - 1
    assert expected.std() > 0.2
    np.testing.assert_allclose(gan.generate(z), expected, rtol=0, atol=1e-4)
    assert "Apache 2.0" in gan.source_metadata["licence"]
    assert len(gan.source_metadata["sha256"]) == 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tanh": True}, "its pixels go through tanh"),
        (
            {"drop": ("progressive_gan_block_2/conv0/bias",)},
            "lacks the variables progressive_gan_block_2/conv0/bias",
        ),
    ],
)
def test_what_does_not_fit_is_said(options, message, tmp_path):
    path = write_module(tmp_path / "m", **options)
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert "m is no module of a BigGAN or a Progressive GAN that can be read" in str(error.value)
