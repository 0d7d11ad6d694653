"""StyleGAN3 from NVIDIA's pickles, against a network written apart from it, with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tests import torch_files
from tests.network_checks import check_keras_files, check_stages, saving
from tests.stylegan2_original import discriminator_variables, judged
from tests.stylegan3_original import Form, generated, generator_tensors
from tests.test_stylegan2_pickle import inner, pytorch
from tf_fewshot.backbones import BackboneError
from tf_fewshot.backbones.stylegan3 import StyleGAN3
from tf_fewshot.backbones.stylegan3.config import StyleGAN3Config, SynthesisConfig
from tf_fewshot.backbones.stylegan3.geometry import signals
from tf_fewshot.errors import UserError
from tf_fewshot.layers import lowpass
from tf_fewshot.weights import save_gan

FORMS = {
    "t": Form(),
    "r": Form(kernel=1, radial=True, channels=(5, 6, 3)),
    "more": Form(
        resolution=32,
        layers=5,
        critical=2,
        first_cutoff=2.0,
        first_stopband=2**2.1,
        margin=3,
        clamp=0.7,
        scale=0.5,
        channels=(4, 3, 5, 3, 2),
        lrmul=0.02,
    ),
    "unfiltered": Form(lrelu_up=1, clamp=None, filter_size=4),
}
WIDTHS = {4: 6, 8: 5, 16: 4}


def written(path, form: Form, classes: int = 0, judge: bool = True, **options):
    v = generator_tensors(form, classes, **options)
    widths = WIDTHS if form.resolution == 16 else {**WIDTHS, 32: 3}
    d = discriminator_variables(widths, labels="embed" if classes else "", label_dim=4)
    discriminator = torch_files.ada_discriminator(d, clamp=256.0) if judge else None
    generator = torch_files.stylegan3_generator(v, form)
    return pytorch(path, generator, discriminator), v, d


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_networks_of_a_pickle_equal_scipy(form, tmp_path):
    path, v, d = written(tmp_path / "n.pkl", form)
    gan = tff.load(path)
    assert isinstance(gan, StyleGAN3)
    z = gan.sample_latents(4, seed=1)
    images = np.asarray(gan.generate(z))
    expected = generated(v, form, z)
    assert images.shape == (4, form.resolution, form.resolution, 3)
    assert expected.std() > 0.05
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)
    half = generated(v, form, z, psi=0.5)
    assert np.abs(half - expected).max() > 0.05
    np.testing.assert_allclose(gan.generate(z, truncation=0.5), half, rtol=0, atol=1e-4)
    scores = judged(d, images, clamp=256.0, last_clamp=False)
    np.testing.assert_allclose(gan.discriminator(images), scores, rtol=0, atol=1e-4)
    assert gan.source_metadata["name"] == "n.pkl"
    assert "StyleGAN3; non-commercial" in gan.source_metadata["licence"]
    assert gan.config["radial"] == form.radial
    # And in our own file.
    save_gan(gan, tmp_path / "n.npz")
    back = tff.load(tmp_path / "n.npz")
    assert back.config == gan.config and back.fingerprint() == gan.fingerprint()
    np.testing.assert_array_equal(back.generate(z), images)


def test_training_measures_what_enters_each_layer(tmp_path):
    form = FORMS["t"]
    path, v, _ = written(tmp_path / "n.pkl", form)
    gan = tff.load(path)
    z = gan.sample_latents(4, seed=1)
    expected = generated(v, form, z, moved=0.99)
    np.testing.assert_allclose(gan.generator(z, training=True), expected, rtol=0, atol=1e-4)
    layers = (*gan.generator.layers_between, gan.generator.to_rgb)
    for layer, name in zip(layers, form.names(), strict=True):
        own = float(v[f"synthesis.{name}.magnitude_ema"])
        assert float(layer.magnitude_ema) == pytest.approx(own, rel=1e-5)
    gan.generator.trainable = False
    before = [float(layer.magnitude_ema) for layer in layers]
    gan.generator(z, training=True)
    assert [float(layer.magnitude_ema) for layer in layers] == before


def test_labels(tmp_path):
    label = [0, 2, 1, 2]
    path, v, d = written(tmp_path / "n.pkl", FORMS["t"], classes=3)
    gan = tff.load(path)
    assert gan.num_classes == 3
    z, given = gan.sample_latents(4, seed=1), np.array(label, np.int32)
    images = generated(v, FORMS["t"], z, label)
    np.testing.assert_allclose(gan.generate(z, given), images, rtol=0, atol=1e-4)
    scores = judged(d, images, label, clamp=256.0, last_clamp=False)
    np.testing.assert_allclose(gan.discriminator(images, given), scores, rtol=0, atol=1e-4)
    one = gan.with_one_class(2)
    expected = generated(v, FORMS["t"], z[:2], [2, 2])
    np.testing.assert_allclose(one.generate(z[:2]), expected, rtol=0, atol=1e-4)


def test_a_generator_without_discriminator(tmp_path):
    whole, _, _ = written(tmp_path / "n.pkl", FORMS["t"])
    alone, _, _ = written(tmp_path / "g.pkl", FORMS["t"], judge=False)
    gan = tff.load(alone)
    assert gan.discriminator is None
    assert gan.fingerprint() == tff.load(whole).fingerprint()


def changed(name, **attributes):
    return lambda g: inner(g, "synthesis", name).update(attributes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda g: inner(g, "synthesis", "L1_20_5")["_parameters"].pop("bias"),
            r"missing synthesis\.L1_20_5\.bias",
        ),
        (
            lambda g: inner(g, "synthesis", "input")["_buffers"].pop("phases"),
            r"missing synthesis\.input\.phases",
        ),
        (
            lambda g: inner(g, "synthesis", "L1_20_5")["_buffers"].pop("up_filter"),
            r"L1_20_5\.up_filter is not the filter .* changed StyleGAN3",
        ),
        (
            lambda g: inner(g, "synthesis", "L1_20_5")["_buffers"].update(
                down_filter=torch_files.Tensor(np.full(12, 1 / 12))
            ),
            r"L1_20_5\.down_filter is not the filter",
        ),
        (
            lambda g: inner(g, "synthesis", "input")["_buffers"].update(
                transform=torch_files.Tensor(np.ones((3, 3)))
            ),
            r"synthesis\.input\.transform of shape \(3, 3\)",
        ),
        (
            lambda g: inner(g, "synthesis")["_modules"].pop("L1_20_5"),
            "L0, L1, … are fewer than three, or some are missing",
        ),
        (changed("L1_20_5", out_cutoff=np.float64(3.0)), "layer L1_20_5 is not the one of 20 pix"),
        (changed("L0_8_6", magnitude_ema_beta="x"), "magnitude_ema_beta is 'x', which is no num"),
        (
            lambda g: inner(g, "synthesis").update(margin_size=3),
            "layer L0_8_6 is not the one",
        ),
        (lambda g: inner(g, "synthesis").update(num_critical=0), "critical_layers"),
        (lambda g: inner(g, "synthesis").update(num_critical=None), "is None, which is no number"),
        (lambda g: g.state["_init_kwargs"].update(first_stopband=1e-9), "first_stopband must be"),
        (lambda g: g.state["_init_kwargs"].update(filter_size=10**7), "filter_size must be 1 to"),
        (lambda g: inner(g, "mapping", "fc0").update(activation="relu"), "activation 'relu'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_said(change, message, tmp_path):
    form = FORMS["t"]
    generator = torch_files.stylegan3_generator(generator_tensors(form), form)
    change(generator)
    with pytest.raises(UserError, match=message) as error:
        tff.load(pytorch(tmp_path / "n.pkl", generator, None))
    assert "n.pkl" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conditioning": "concat"}, "has conditioning 'embed', not 'concat'"),
        ({"channels": [8, 8]}, "3 layers need 3 entries in channels, not 2"),
        ({"synthesis_layers": 1}, "synthesis_layers must be more than critical_layers"),
        ({"kernel_size": 2}, "kernel_size must be odd, not 2"),
        ({"first_cutoff": 8.0}, "first_cutoff must be between 0 and 8.0"),
        ({"first_stopband": 0.5}, "first_stopband must be more than first_cutoff"),
        ({"discriminator_channels": [8]}, "3 entries in discriminator_channels"),
    ],
    ids=lambda value: str(value),
)
def test_settings_that_do_not_fit_are_said(build_tiny, change, message):
    with pytest.raises(BackboneError, match=message):
        build_tiny("stylegan3", **change)


def test_the_layers_of_the_released_networks():
    """Of 1024 pixels: sizes, channels, rates, cutoffs and half widths that PyTorch prints."""
    printed = """
        36 512 16 2 6, 36 512 16 3.1748 4.8252, 52 512 32 5.03968 10.9603, 52 512 32 8 8,
        84 512 64 12.6992 19.3008, 148 512 128 20.1587 43.8413, 148 512 128 32 32,
        276 323 256 50.7968 77.2032, 276 203 256 80.6349 47.3651, 532 128 512 128 128,
        1044 81 1024 203.187 308.813, 1044 51 1024 322.54 189.46, 1044 32 1024 512 118.346,
        1024 32 1024 512 118.346, 1024 3 1024 512 118.346
    """
    of_r = [1024] * 7 + [645, 406, 256, 161, 102, 64, 64, 3]
    own = signals(StyleGAN3Config(resolution=1024).resolved())
    for signal, line in zip(own, printed.split(","), strict=True):
        expected = [float(number) for number in line.split()]
        fields = (signal.size, signal.channels, signal.rate, signal.cutoff, signal.half_width)
        np.testing.assert_allclose(fields, expected, rtol=1e-5)
    generator = SynthesisConfig(kernel_size=1, radial=True)
    r = signals(StyleGAN3Config(resolution=1024, generator=generator).resolved())
    assert [signal.channels for signal in r] == of_r
    assert [signal.size for signal in r] == [signal.size for signal in own]


@saving
def test_stages_and_keras_files(build_tiny, tmp_path):
    gan = build_tiny("stylegan3")
    check_stages(gan)
    check_keras_files(gan, tmp_path)


def test_gradients_of_long_axes_are_those_of_short_ones():
    """Long axes are resampled piece by piece: values and gradients are the definition's."""
    taps = tuple(np.hanning(14)[1:-1])
    for up, down, before in ((2, 1, -9), (1, 2, 0), (4, 1, 5), (3, 2, 4)):
        how = lowpass.Resampling(taps, up, down, before, (300 * up + min(before, 0) - 40) // down)
        x = tf.random.normal([2, 300, 3], seed=1)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = lowpass._along(x, how)
            loss = tf.reduce_sum(tf.sin(y))
        weights = how.weights(how.size, 0, 300)
        expected = np.einsum("ol,nlc->noc", weights, x)
        np.testing.assert_allclose(y, expected, atol=1e-4)
        back = np.einsum("ol,noc->nlc", weights, np.cos(expected))
        np.testing.assert_allclose(tape.gradient(loss, x), back, atol=1e-4)
