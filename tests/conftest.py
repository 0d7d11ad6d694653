"""What tests share: tiny GANs of every backbone, a folder of pictures, and fixed seeds."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:
    # A worker a core: with more threads they would wait for one another.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import hypothesis
import numpy as np
import pytest
from PIL import Image

# A shell starts what runs in its background deaf to Ctrl-C, and tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Architectures small enough to be built and trained within a test: 16 px, 3 channels.
TINY: dict[str, dict[str, Any]] = {
    "dcgan": {"resolution": 16, "latent_dim": 8, "widths": [8, 8]},
    "progan": {"resolution": 16, "latent_dim": 8, "channels": [8, 8, 8]},
    "sngan": {"resolution": 16, "latent_dim": 8, "widths": [8, 8, 8]},
    "stylegan": {
        "resolution": 16,
        "latent_dim": 8,
        "w_dim": 8,
        "mapping_layers": 2,
        "channels": [8, 8, 8],
    },
    "stylegan2": {
        "resolution": 16,
        "latent_dim": 8,
        "w_dim": 8,
        "mapping_layers": 2,
        "channels": [8, 8, 8],
    },
    "stylegan3": {
        "resolution": 16,
        "latent_dim": 8,
        "w_dim": 8,
        "synthesis_layers": 3,
        "critical_layers": 1,
        "first_cutoff": 1.0,
        "first_stopband": 2.0,
        "margin": 2,
        "channels": [8, 8, 8],
        "discriminator_channels": [8, 8, 8],
    },
}

# A first call traces a graph and takes seconds; the examples are the same on every run.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """Leaves TensorFlow and its kin, half a million objects that stay, out of every collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _seeds() -> None:
    """Every test starts from the same random state, whichever ran before it."""
    random.seed(0)
    np.random.seed(0)
    if "keras" in sys.modules:
        import keras

        keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def settings_are_known() -> None:
    """What the settings are is in the user's cache, so that flags are read without TensorFlow."""
    from .processes import keep_settings

    keep_settings()


@pytest.fixture
def build_tiny() -> Callable[..., Any]:
    """``build_tiny("stylegan", **changes)`` builds a tiny GAN with new weights."""
    from tf_fewshot import backbones

    def build(architecture: str, **changes: Any) -> backbones.GAN:
        return backbones.build(architecture, **{**TINY[architecture], **changes})

    return build


@pytest.fixture(params=sorted(TINY))
def tiny_gan(request: pytest.FixtureRequest, build_tiny):
    """A tiny GAN of each backbone in turn; the test runs once for every one."""
    return build_tiny(request.param)


@pytest.fixture
def tiny_stylegan(build_tiny):
    """A tiny StyleGAN with new weights."""
    return build_tiny("stylegan")


@pytest.fixture
def tiny_dcgan(build_tiny):
    """A tiny DCGAN with new weights."""
    return build_tiny("dcgan")


@pytest.fixture
def tiny_pictures(tmp_path: Path) -> Path:
    """A folder of eight RGB PNG files, 16 px: a coloured disc each, on a gradient."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    for i in range(8):
        picture = np.stack([16 * x, 16 * y, 8 * (x + y)], axis=-1).astype(np.uint8)
        centre, radius = rng.uniform(5, 11, size=2), rng.uniform(2, 5)
        disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
        picture[disc] = rng.integers(0, 256, size=3)
        Image.fromarray(picture).save(folder / f"{i:02d}.png")
    return folder
