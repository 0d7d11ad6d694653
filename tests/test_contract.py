"""The contract of backbones beside extensions: settings, discriminators, truncation."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil

import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot import settings
from tf_fewshot.backbones import BackboneError, build
from tf_fewshot.backbones.fresh import fresh_discriminator
from tf_fewshot.backbones.truncation import Truncation
from tf_fewshot.export import Sampling
from tf_fewshot.export.saved_model import Endpoints

from .test_extensions import CONFIGS, built, every, plain

ROOMS = ("backbones", "layers", "weights", "export", "training.growth")


def test_no_constructor_takes_more_than_twelve_arguments():
    seen = 0
    for room in ROOMS:
        package = importlib.import_module(f"tf_fewshot.{room}")
        names = [package.__name__]
        if hasattr(package, "__path__"):
            walked = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
            names += [module.name for module in walked]
        for name in names:
            for cls in vars(importlib.import_module(name)).values():
                if not inspect.isclass(cls) or cls.__module__ != name:
                    continue
                # What a layer takes over from Keras's is as Keras has it.
                if getattr(cls.__init__, "__module__", "").startswith("keras"):
                    continue
                parameters = inspect.signature(cls.__init__).parameters.values()
                named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
                assert len(named) - 1 <= 12, f"{name}.{cls.__name__}"
                seen += 1
    assert seen > 80


# Settings ----------------------------------------------------------------------------------------


@every
def test_every_setting_has_a_text_and_a_flat_name(architecture):
    gan = plain(architecture)
    default = type(gan.configuration)()
    for name, setting in settings.settings([default]).items():
        assert setting.text, f"{architecture} says nothing of {name}"
    flat = {name: v for name, v in gan.config.items() if name not in ("extensions", "dtype")}
    assert flat == gan.configuration.flat()
    again = build(architecture, **gan.config)
    assert again.config == gan.config and again.configuration == gan.configuration


@every
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_dims": 3}, "Unknown setting of a {} 'latent_dims'. Did you mean 'latent_dim'?"),
        ({"resolution": "16"}, "resolution must be a whole number .* not '16'"),
        ({"resolution": True}, "resolution must be a whole number .* not True"),
        ({"latent_dim": 8.5}, "latent_dim must be a whole number.* not 8.5"),
    ],
)
def test_wrong_settings_are_said(architecture, change, message):
    with pytest.raises(BackboneError, match=message.format(architecture)):
        built(architecture, **change)


def test_a_list_is_asked_for_in_words(build_tiny):
    with pytest.raises(BackboneError, match=r"widths must be a list such as .+ or None .+ not 5"):
        build_tiny("dcgan", widths=5)


def test_groups_of_settings_are_frozen():
    gan = build("stylegan2", **CONFIGS["stylegan2"], mbstd_group=None, g_clamp=256)
    assert gan.configuration.discriminator.mbstd_group is None
    assert gan.config["g_clamp"] == 256.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        gan.configuration.generator.mixing = 0.0
    # What is told of a GAN is not the GAN.
    gan.config["channels"].append(4)
    assert gan.config["channels"] == [8, 8, 8]


# Discriminators -----------------------------------------------------------------------------------


@every
def test_a_gan_is_built_with_or_without_its_discriminator(architecture):
    gan, alone = plain(architecture), built(architecture, discriminator=False)
    assert (gan.discriminator is not None) == gan.has_discriminator
    assert alone.discriminator is None and alone.networks() == [alone.generator]
    assert alone.clone().discriminator is None
    assert gan.config == alone.config
    without = gan.without_discriminator()
    assert without.discriminator is None and without.generator is gan.generator
    assert without.discriminator_stages() == []
    assert (gan.discriminator is not None) == gan.has_discriminator


def test_a_discriminator_is_replaced(build_tiny):
    gan, other = build_tiny("dcgan"), build_tiny("stylegan")
    twin = gan.with_discriminator(other.discriminator)
    assert twin.discriminator is other.discriminator and gan.discriminator is not None
    assert twin.networks() == [gan.generator, other.discriminator]
    z = gan.sample_latents(2, seed=0)
    np.testing.assert_array_equal(twin.generate(z), gan.generate(z))


# Truncation ---------------------------------------------------------------------------------------

LATENTS, STYLES = frozenset({Truncation.LATENTS}), frozenset({Truncation.STYLES})
KINDS = {
    "dcgan": LATENTS,
    "progan": LATENTS,
    "sngan": LATENTS,
    "stylegan": STYLES,
    "stylegan2": STYLES,
    "stylegan3": STYLES,
    "biggan": LATENTS | {Truncation.STATISTICS},
    "biggan_deep": LATENTS | {Truncation.STATISTICS},
}


@every
def test_each_backbone_says_what_it_truncates(architecture):
    gan = plain(architecture)
    assert gan.truncates == KINDS[architecture]
    whole = 10.0 if Truncation.LATENTS in gan.truncates else 1.0
    assert gan.no_truncation == Endpoints(gan, Sampling()).truncation == whole
    z = gan.sample_latents(4, seed=0)
    cut = gan.sample_latents(4, seed=0, truncation=0.5)
    assert (np.abs(cut).max() <= 0.5) == (Truncation.LATENTS in gan.truncates)
    np.testing.assert_array_equal(gan.truncate_latents(z, gan.no_truncation), z)
    np.testing.assert_array_equal(gan.sample_latents(4, 0, gan.no_truncation), z)


@every
def test_a_network_is_told_only_what_it_truncates_itself(architecture, monkeypatch):
    gan, told = plain(architecture), []
    monkeypatch.setattr(
        gan, "_generated", lambda z, label, truncation, noise: told.append(truncation)
    )
    gan.generate(tf.zeros([1, gan.latent_dim]), truncation=0.3)
    assert told == [None if gan.truncates == LATENTS else 0.3]


# Judging -----------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("training", [False, True])
def test_the_last_activations_give_the_logits_of_the_image(architecture, training):
    gan = plain(architecture)
    if not gan.has_discriminator:
        gan = gan.with_discriminator(fresh_discriminator(gan))
    rng = np.random.default_rng(0)
    images = tf.constant(rng.uniform(-1, 1, (4, *gan.image_shape)).astype(np.float32))
    label = np.arange(4) % gan.num_classes if gan.num_classes else None
    # In training some networks change a little with each call.
    before = [v.numpy().copy() for v in gan.discriminator.weights]
    whole = gan.discriminator(images, label, training=training).numpy()
    for v, value in zip(gan.discriminator.weights, before, strict=True):
        v.assign(value)
    features = gan.discriminator_features(images, label, training=training)[-1]
    assert len(features.shape) == 4
    logits = gan.discriminator_logits(features, label, training=training).numpy()
    np.testing.assert_array_equal(logits, whole)
    assert logits.shape == (4, 1) and logits.dtype == np.float32
