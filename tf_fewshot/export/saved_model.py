"""SavedModels that TF-Serving serves."""

from __future__ import annotations

import copy
import errno
import importlib.metadata
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..backbones.extensions import Point
from ..backbones.truncation import NO_THRESHOLD, truncated_latents
from ..errors import UserError
from ..files import readable_os_errors, write_json
from .adapter import Adapter
from .card import Card, Part
from .loading import saved_model_lines
from .sampling import Sampling, latents_of_seeds
from .verify import Example, Report, quiet, verify_saved_model
from .warmup import write_warmup

METADATA = Path("assets.extra", "tf_fewshot.json")
_PACKAGES = ("tensorflow", "keras", "numpy")
_REFUSALS = {
    tf.errors.ResourceExhaustedError: errno.ENOSPC,
    tf.errors.OutOfRangeError: errno.EFBIG,
    tf.errors.PermissionDeniedError: errno.EACCES,
}


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
    for extension in gan.extensions:
        if extension.point is Point.IMAGES:
            raise UserError(
                f"This generator's pictures go through {extension.words} when they are finished, "
                "which a SavedModel cannot do. Draw pictures with tf-fewshot sample."
            )
    if sampling is None:
        sampling = Sampling.from_json(adapter.sampling) if adapter else Sampling()
    if version is not None and version < 1:
        raise UserError(f"A version must be a positive integer, not {version}.")
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file. Choose a directory to export to.")
    if version is not None and (directory / str(version)).exists():
        raise _exists(directory, version)
    endpoints = Endpoints(gan.with_precision("float32"), sampling)
    with _staging(directory) as partial:
        archive = keras.export.ExportArchive()
        # It tracks by itself the variables that its functions use, and no others.
        for name, function, signature in endpoints.traced().all():
            archive.add_endpoint(name, function, signature)
        with quiet():
            archive.write_out(str(partial), verbose=False)
        examples = endpoints.examples()
        report = verify_saved_model(partial, examples, tolerance)
        for loader, why in report.not_checked.items():
            logging.getLogger(__name__).warning("%s not checked: %s", loader, why)
        write_json(partial / METADATA, _metadata(gan, endpoints, adapter, report))
        write_warmup(partial, directory.name, examples)
        if card is not None:
            lines = saved_model_lines(gan.num_classes, endpoints.truncation)
            part = Part("SavedModel, for TensorFlow and TF-Serving", lines, ["tf-serving"])
            card.write(partial, directory.resolve().name, [part])
        return _publish(partial, directory, version)


class Endpoints:
    """The signatures of one generator, as functions that also run eagerly.

    Attributes:
        gan: The generator, in float32.
        sampling: How it is sampled.
        dim: Size of a latent.
        free: Whether it is sampled by free latents.
    """

    def __init__(self, gan: GAN, sampling: Sampling):
        self.gan, self.sampling = gan, sampling
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
        _, function, signature = next(self.all())
        twin._network = tf.function(function, input_signature=signature, autograph=False)
        return twin

    def from_latents(self, z, truncation, label=None):
        """Returns the outputs of the signature ``serving_default``."""
        if self.free:
            images = self.gan.synthesize(z, label)
        else:
            # As sampling does: it may choose BigGAN's statistics beside being a threshold.
            images = self.gan.generate(z, label, truncation[:, None])
        return {"images": tf.clip_by_value(tf.cast(images, tf.float32), -1.0, 1.0)}

    def from_seeds(self, seed, truncation, label=None):
        """Returns the outputs of the signature ``generate_from_seed``."""
        z = latents_of_seeds(seed, self.dim)
        cut = truncated_latents if self.free else self.gan.truncate_latents
        z = cut(z, truncation)
        rest = () if label is None else (label,)
        return self._network(z, truncation, *rest)

    def png(self, seed, truncation, label=None):
        """Returns the outputs of the signature ``png``."""
        images = self.from_seeds(seed, truncation, label)["images"]
        levels = tf.cast(tf.round((images + 1.0) * 127.5), tf.uint8)
        files = tf.map_fn(tf.io.encode_png, levels, tf.TensorSpec([], tf.string))
        return {"images_bytes": files}

    def all(self) -> Iterator[tuple[str, Callable, list[tf.TensorSpec]]]:
        """Name, function and inputs of each signature."""
        seed = tf.TensorSpec([None], tf.int64, "seed")
        z = tf.TensorSpec([None, self.dim], tf.float32, "z")
        rest = [tf.TensorSpec([None], tf.float32, "truncation")]
        if self.gan.num_classes:
            rest.append(tf.TensorSpec([None], tf.int32, "label"))
        yield "serving_default", self._network, [z, *rest]
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
        examples = []
        for name, function, signature in self.all():
            inputs = {str(spec.name): values[str(spec.name)] for spec in signature}
            with tf.device("/CPU:0"):
                outputs = function(**{k: tf.constant(v) for k, v in inputs.items()})
            examples.append(Example(name, inputs, {k: v.numpy() for k, v in outputs.items()}))
        return examples

    def _labels(self, n: int):
        return tf.zeros([n], tf.int32) if self.gan.num_classes else None


def _metadata(
    gan: GAN, endpoints: Endpoints, adapter: Adapter | None, report: Report
) -> dict[str, Any]:
    return {
        "architecture": gan.architecture,
        "fingerprint": gan.fingerprint("generator"),
        "method": adapter.method if adapter else None,
        "source": adapter.source if adapter else None,
        "source_fingerprint": adapter.source_fingerprint if adapter else None,
        "settings": adapter.settings if adapter else {},
        "latents": endpoints.sampling.latents,
        "latent_dim": endpoints.dim,
        "num_classes": gan.num_classes,
        "image_shape": list(gan.image_shape),
        "default_truncation": endpoints.truncation,
        "no_truncation": endpoints.no_truncation,
        "checked": report.to_json(),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


@contextmanager
def _staging(directory: Path) -> Iterator[Path]:
    """A hidden directory, which the server passes over, removed at the end with what is in it."""
    partial = directory / f".{uuid.uuid4().hex[:8]}.tmp"
    new = not directory.exists()
    try:
        with readable_os_errors(directory), _tensorflow_errors(directory):
            partial.mkdir(parents=True)
            yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if new:
            # Only removed if nothing was published into it.
            with suppress(OSError):
                directory.rmdir()


@contextmanager
def _tensorflow_errors(directory: Path) -> Iterator[None]:
    """Turns TensorFlow's errors about writing into those of the operating system."""
    try:
        yield
    except tuple(_REFUSALS) as error:
        code = _REFUSALS[type(error)]
        raise OSError(code, os.strerror(code), str(directory)) from error


def _publish(partial: Path, directory: Path, version: int | None) -> Path:
    """Renames a complete version to its number; never onto another exporter's."""
    number = version if version is not None else _next_version(directory)
    while True:
        target = directory / str(number)
        try:
            return partial.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            if version is not None:
                raise _exists(directory, number) from error
            number += 1


def _next_version(directory: Path) -> int:
    return max((int(p.name) for p in directory.iterdir() if p.name.isdecimal()), default=0) + 1


def _exists(directory: Path, version: int) -> UserError:
    return UserError(
        f"{directory / str(version)} exists. Choose another version, or leave it out to get "
        "the next."
    )
