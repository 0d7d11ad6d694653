"""The learning rate that a method takes for the kernels of a source."""

from __future__ import annotations

import numpy as np
import pytest

from tf_fewshot import comparison
from tf_fewshot.planning import plan

PICTURES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


def test_equalized_kernels_are_stored_in_units_of_their_initial_size(tiny_gan):
    # New kernels are N(0, 1) then, and far smaller by any other rule.
    kernels = [v.numpy() for v in tiny_gan.generator.trainable_variables if len(v.shape) == 4]
    sizes = [np.std(kernel) for kernel in kernels if kernel.size > 200]
    assert sizes
    assert tiny_gan.equalized_rates == (np.median(sizes) > 0.7)


@pytest.mark.parametrize(
    ("architecture", "rate"), [("stylegan", 0.01), ("stylegan2", 0.01), ("dcgan", 0.002)]
)
def test_collage_takes_a_fifth_for_kernels_without_equalized_rates(build_tiny, architecture, rate):
    gan = build_tiny(architecture)
    size = gan.image_shape[0]
    pictures = np.repeat(np.repeat(PICTURES, size // 16, 1), size // 16, 2)
    chosen = plan(gan, pictures, "collage", steps=1)
    assert chosen.method.settings()["learning_rate"] == pytest.approx(rate)
    assert bool(chosen.notes) == (rate == 0.002)
    assert all("Learning rate 0.002 instead of 0.01" in note for note in chosen.notes)


def test_a_rate_that_is_given_is_taken(tiny_dcgan):
    chosen = plan(tiny_dcgan, PICTURES, "collage", steps=1, learning_rate=0.01)
    assert chosen.method.settings()["learning_rate"] == 0.01
    assert not chosen.notes


def test_rates_that_are_not_for_equalized_kernels_stay(tiny_dcgan):
    chosen = plan(tiny_dcgan, PICTURES, "bsa", steps=1)
    assert chosen.method.settings()["learning_rate"] is None


def test_a_comparison_writes_down_the_rate_that_it_takes(tiny_dcgan, tmp_path):
    place = tmp_path / "bright.npz"
    np.savez(place, images=PICTURES)
    target = f"bright={place}"
    planned = comparison.plan(tiny_dcgan, [target], ["collage"], shots=[4], metrics=["fid"])
    assert planned.methods["collage"].settings()["learning_rate"] == pytest.approx(0.002)
