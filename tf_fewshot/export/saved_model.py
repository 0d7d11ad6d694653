"""SavedModels that TF-Serving serves."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..backbones.truncation import NO_THRESHOLD, truncated_latents
from .adapter import Adapter
from .card import Card, Part
from .checked import checked_latents, checked_number, checked_truncation
from .loading import saved_model_lines
from .origin import origin_of
from .publishing import check_pictures, check_target, published
from .sampling import Sampling, latents_of_seeds, png_files
from .verify import Example, examples_of


def export_saved_model(
    gan: GAN,
    directory: str | os.PathLike,
    *,
    adapter: Adapter | None = None,
    sampling: Sampling | None = None,
    version: int | None = None,
    tolerance: float = 1e-4,
    card: Card | None = None,
) -> Path:
    """Writes ``directory/<version>/`` for TF-Serving, checked with its loaders.

    The signatures, all in float32, without an operation that depends on the batch:

    - ``serving_default``: ``z`` float32 ``[N, latent_dim]`` (``free_latent_dim`` if
      sampled by free latents) and ``truncation`` float32 ``[N]`` to ``images`` float32
      ``[N, H, W, C]``, clipped to [-1, 1];
    - ``generate_from_seed``: ``seed`` int64 ``[N]`` and ``truncation`` to ``images``;
      a row depends on its own seed alone;
    - ``png``: the same inputs to ``images_bytes``, strings ``[N]``, one PNG file a row.

    Class-conditional GANs also take ``label`` int32 ``[N]`` in each. ``truncation`` is
    that of ``gan.generate``, such as StyleGAN's ψ; 1 truncates nothing. With free latents,
    or a GAN whose latents are truncated, it is the threshold of the normal that ``seed``
    draws from, 10 truncates nothing, and a given ``z`` is used as it is; of BigGAN it also
    chooses the statistics.

    ``assets.extra/tf_fewshot.json`` says what was exported, the default truncation and
    what the check found; with the package ``tensorflow-serving-api`` there are also
    warm-up requests. The version appears under its number only when it is complete.

    Args:
        gan: The generator; exported in float32 whatever it was trained in.
        directory: Its last part is the name that the model is served under.
        adapter: The adapter that ``gan`` comes from; recorded, and gives ``sampling``.
        sampling: How to sample; by default the adapter's, else ``z``, no truncation.
        version: A positive integer; by default one more than the largest there.
        tolerance: Largest absolute difference from eager output that is accepted.
        card: Written into the version, for people; None writes none.

    Returns:
        The directory of the version.

    Raises:
        UserError: if it cannot be written, the version exists, the check fails, or the
            adapter's samples are more than what its generator makes. Nothing is left behind then.
    """
    directory = Path(directory)
    check_pictures(gan)
    check_target(directory, version)
    if sampling is None:
        sampling = Sampling.from_json(adapter.sampling) if adapter else Sampling()
    endpoints = Endpoints(gan.with_precision("float32"), sampling, adapter)

    def write_card(folder: Path) -> None:
        if card is not None:
            lines = saved_model_lines(gan.num_classes, endpoints.truncation)
            part = Part("SavedModel, for TensorFlow and TF-Serving", lines, ["tf-serving"])
            card.write(folder, directory.resolve().name, [part])

    return published(endpoints, directory, version, tolerance, write_card)


class Endpoints:
    """The signatures of one generator, as functions that also run eagerly.

    Attributes:
        gan: The generator, in float32.
        sampling: How it is sampled.
        adapter: What it comes from, if it was adapted.
        dim: Size of a latent.
        free: Whether it is sampled by free latents.
    """

    def __init__(self, gan: GAN, sampling: Sampling, adapter: Adapter | None = None):
        self.gan, self.sampling, self.adapter = gan, sampling, adapter
        self._network: Callable = self.from_latents
        self.free = sampling.latents == "free"
        self.dim = gan.free_latent_dim if self.free else gan.latent_dim
        if self.free:
            # What a GAN computes once for its free space must not be traced.
            gan.synthesize(tf.zeros([1, self.dim]), self._labels(1))

    @property
    def no_truncation(self) -> float:
        """The truncation that truncates nothing."""
        return NO_THRESHOLD if self.free else self.gan.no_truncation

    @property
    def truncation(self) -> float:
        """The truncation that is used unless a request says another."""
        if self.sampling.truncation is None:
            return self.no_truncation
        return float(self.sampling.truncation)

    def traced(self) -> Endpoints:
        """A copy whose signatures call the network as one graph, rather than hold one each."""
        twin = copy.copy(self)
        _, _, signature = next(self.all())
        twin._network = tf.function(self.from_latents, input_signature=signature, autograph=False)
        return twin

    def of_request(self, z, truncation, label=None):
        """Returns the outputs of the signature ``serving_default``."""
        rest = self._checked(truncation, label)
        return self._network(checked_latents(z), *rest)

    def from_latents(self, z, truncation, label=None):
        """Returns the images of inputs that are known to be right."""
        if self.free:
            images = self.gan.synthesize(z, label)
        else:
            # As sampling does: it may choose BigGAN's statistics beside being a threshold.
            images = self.gan.generate(z, label, truncation[:, None])
        return {"images": tf.clip_by_value(tf.cast(images, tf.float32), -1.0, 1.0)}

    def from_seeds(self, seed, truncation, label=None):
        """Returns the outputs of the signature ``generate_from_seed``."""
        truncation, *label = self._checked(truncation, label)
        z = latents_of_seeds(seed, self.dim)
        cut = truncated_latents if self.free else self.gan.truncate_latents
        z = cut(z, truncation)
        return self._network(z, truncation, *label)

    def _checked(self, truncation, label) -> list[Any]:
        """The truncation and, if there is one, the label."""
        rest = [] if label is None else [checked_number(label, self.gan.num_classes, "label")]
        return [checked_truncation(truncation), *rest]

    def png(self, seed, truncation, label=None):
        """Returns the outputs of the signature ``png``."""
        return png_files(self.from_seeds(seed, truncation, label)["images"])

    def signatures(self) -> Iterator[tuple[str, Callable, list[tf.TensorSpec]]]:
        """Those of :meth:`all`, which call the network as one graph."""
        return self.traced().all()

    def all(self) -> Iterator[tuple[str, Callable, list[tf.TensorSpec]]]:
        """Name, function and inputs of each signature."""
        seed = tf.TensorSpec([None], tf.int64, "seed")
        z = tf.TensorSpec([None, self.dim], tf.float32, "z")
        rest = [tf.TensorSpec([None], tf.float32, "truncation")]
        if self.gan.num_classes:
            rest.append(tf.TensorSpec([None], tf.int32, "label"))
        yield "serving_default", self.of_request, [z, *rest]
        yield "generate_from_seed", self.from_seeds, [seed, *rest]
        yield "png", self.png, [seed, *rest]

    def examples(self, rows: int = 2) -> list[Example]:
        """Fixed inputs for every signature with eager outputs, computed on the CPU.

        The rows differ in truncation: the default, half of it, …
        """
        values: dict[str, np.ndarray] = {
            "z": np.random.default_rng(0).standard_normal((rows, self.dim), np.float32),
            "seed": np.arange(rows, dtype=np.int64),
            "truncation": np.float32(self.truncation) / 2 ** np.arange(rows, dtype=np.float32),
        }
        if self.gan.num_classes:
            values["label"] = np.arange(rows, dtype=np.int32) % self.gan.num_classes
        return examples_of(self.all(), values)

    def describe(self) -> Mapping[str, Any]:
        """Returns what is said of it beside the SavedModel."""
        return {
            **origin_of(self.gan, self.adapter),
            **description(self.gan),
            "latents": self.sampling.latents,
            "latent_dim": self.dim,
            "default_truncation": self.truncation,
            "no_truncation": self.no_truncation,
        }

    def _labels(self, n: int):
        return tf.zeros([n], tf.int32) if self.gan.num_classes else None


def description(gan: GAN) -> dict[str, Any]:
    """Returns what is said of any generator beside its SavedModel."""
    return {
        "architecture": gan.architecture,
        "fingerprint": gan.fingerprint("generator"),
        "num_classes": gan.num_classes,
        "image_shape": list(gan.image_shape),
    }
