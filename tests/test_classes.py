"""Sources with classes: sampled by class, and adapted as one class."""

from __future__ import annotations

import numpy as np
import pytest

import tf_fewshot as tff
from tf_fewshot import backbones
from tf_fewshot.errors import UserError

SMALL = {
    "sngan": {"resolution": 16, "latent_dim": 8, "widths": [8, 8, 8], "num_classes": 3},
    "stylegan2": {
        "resolution": 16,
        "latent_dim": 8,
        "w_dim": 8,
        "mapping_layers": 2,
        "channels": [8, 8, 8],
        "num_classes": 3,
    },
    "biggan": {"resolution": 16, "latent_dim": 9, "channels": 1, "class_dim": 4, "num_classes": 3},
}


@pytest.fixture(params=sorted(SMALL))
def source(request: pytest.FixtureRequest):
    return backbones.build(request.param, **SMALL[request.param])


def test_samples_are_of_a_class_or_of_any(source):
    of_any = tff.sample_images(source, 6, seed=1)
    assert of_any.shape == (6, 16, 16, 3)
    np.testing.assert_array_equal(of_any, tff.sample_images(source, 6, seed=1))
    for label in range(3):
        z = source.sample_latents(2, seed=1)
        labels = np.full(2, label, np.int32)
        expected = np.clip(np.round((source.generate(z, labels).numpy() + 1) * 127.5), 0, 255)
        found = tff.sample_images(source, 2, seed=1, label=label)
        assert np.abs(found.astype(float) - expected).max() <= 1.0
    with pytest.raises(UserError, match=r"no class 3: .* has classes 0 to 2"):
        tff.sample_images(source, 2, label=3)


def test_a_gan_without_classes_refuses_a_label(tiny_dcgan):
    with pytest.raises(UserError, match="has no classes"):
        tff.sample_images(tiny_dcgan, 2, label=0)


def test_an_adapted_source_has_one_class_and_its_adapter_knows(source, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    settings = {"batch_size": 4, "steps": 2, "fresh_discriminator": source.discriminator is None}
    run = tff.adapt(source, pictures, "transfergan", workdir=tmp_path / "run", **settings)
    assert source.num_classes == 3
    assert run.gan.num_classes == 0
    run.save(tmp_path / "mine.npz")
    again = tff.load_adapter(tmp_path / "mine.npz", source)
    np.testing.assert_array_equal(run.sample(3, seed=2), again.sample(3, seed=2))
    with_one = source.with_one_class()
    assert run.gan.fingerprint() != with_one.fingerprint()
