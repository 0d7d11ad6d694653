"""One generator as a graph from latents to images, for the runtimes of others."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ..backbones import GAN
from ..backbones.sampling import quantised
from ..backbones.truncation import Truncation, truncated_latents
from ..data.channels import CHANNELS
from ..errors import UserError
from .origin import origin_of
from .sampling import Sampling
from .saved_model import Endpoints

OUTPUT = "images"
# What files are tried with before they are published: a file must serve every size of batch.
BATCHES = (1, 3)


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output of a file.

    Attributes:
        dtype: As NumPy names it.
        shape: "N" stands for the batch, which every tensor begins with.
        about: What it is: range, order, what to give.
        default: What to give unless there is a reason; None where there is no such value.
    """

    dtype: str
    shape: tuple[int | str, ...]
    about: str
    default: float | None = None

    def to_json(self) -> dict[str, Any]:
        known = {"dtype": self.dtype, "shape": list(self.shape), "about": self.about}
        return known if self.default is None else {**known, "default": self.default}


class Portable:
    """A generator in float32, from latents to images, as files for other runtimes hold it.

    It has only inputs that change the images: ``z``, ``truncation`` where the network itself
    truncates (StyleGAN's ψ, BigGAN's statistics), and ``label`` where there are classes. A row
    depends on its own inputs only.

    Args:
        gan: The generator.
        sampling: How it is sampled.

    Attributes:
        inputs, outputs: Its tensors by name.
    """

    def __init__(self, gan: GAN, sampling: Sampling):
        self.endpoints = Endpoints(gan.with_precision("float32"), sampling)
        self.gan = self.endpoints.gan
        self.inputs = self._inputs()
        self._function = None
        if "truncation" in self.inputs and not _matters(self._traced(), "truncation"):
            # As for a BigGAN with statistics of one truncation only.
            self._function = None
            del self.inputs["truncation"]
        shape = ("N", *gan.image_shape)
        colours = CHANNELS.get(gan.image_shape[2], "images")
        about = f"{colours}, NHWC, in [-1, 1]; (images + 1) * 127.5 are levels from 0 to 255"
        self.outputs = {OUTPUT: Tensor("float32", shape, about)}

    def _inputs(self) -> dict[str, Tensor]:
        ends, gan = self.endpoints, self.gan
        threshold = ends.free or Truncation.LATENTS in gan.truncates
        about = "latents, drawn from N(0, 1)"
        if threshold and ends.truncation < ends.no_truncation:
            about += f"; draw components beyond {ends.truncation:g} again"
        inputs = {"z": Tensor("float32", ("N", ends.dim), about)}
        if not ends.free and gan.truncates - {Truncation.LATENTS}:
            what = "psi" if Truncation.STYLES in gan.truncates else "of the statistics"
            about = f"truncation {what}, from 0 to 1; 1 truncates nothing"
            inputs["truncation"] = Tensor("float32", ("N",), about, self._default_truncation)
        if gan.num_classes:
            about = f"class, from 0 to {gan.num_classes - 1}"
            inputs["label"] = Tensor("int32", ("N",), about)
        return inputs

    @property
    def _default_truncation(self) -> float:
        # BigGAN's statistics end at 1, wherever the threshold of its latents is.
        return min(self.endpoints.truncation, 1.0)

    def __call__(self, *tensors: tf.Tensor) -> tf.Tensor:
        """Images float32 ``[N, H, W, C]`` in [-1, 1] of the inputs in their order."""
        given = dict(zip(self.inputs, tensors, strict=True))
        z = given["z"]
        nothing = tf.fill([tf.shape(z)[0]], np.float32(self.endpoints.no_truncation))
        truncation = given.get("truncation", nothing)
        return self.endpoints.from_latents(z, truncation, given.get("label"))[OUTPUT]

    def frozen(self) -> Any:
        """The concrete function of :meth:`__call__` with every weight as a constant.

        Converters that are given a function of Keras 3 models leave their weights out.
        """
        return convert_variables_to_constants_v2(self._traced())

    def _traced(self) -> Any:
        """The concrete function of :meth:`__call__`."""
        if self._function is None:
            specs = [
                tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name)
                for name, tensor in self.inputs.items()
            ]
            function = tf.function(self.__call__, input_signature=specs, autograph=False)
            self._function = function.get_concrete_function()
        return self._function

    def examples(self) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
        """Inputs of every size in ``BATCHES`` with the images that TensorFlow draws eagerly."""
        examples = []
        for rows in BATCHES:
            values: dict[str, np.ndarray] = {
                "z": np.random.default_rng(rows).standard_normal(
                    (rows, self.endpoints.dim), np.float32
                ),
                "truncation": np.linspace(1.0, 0.5, rows, dtype=np.float32),
                "label": np.arange(rows, dtype=np.int32) % max(self.gan.num_classes, 1),
            }
            inputs = {name: values[name] for name in self.inputs}
            with tf.device("/CPU:0"):
                images = self(*map(tf.constant, inputs.values())).numpy()
            if not np.isfinite(images).all():
                raise UserError(
                    "Nothing can be exported: the generator's pixels are not finite numbers. "
                    "Train it again."
                )
            examples.append((inputs, images))
        return examples

    def pictures(self, n: int, batch_size: int) -> np.ndarray:
        """Samples uint8 ``[n, H, W, C]``, truncated by default."""
        ends = self.endpoints
        cut = truncated_latents if ends.free else self.gan.truncate_latents
        z = np.random.default_rng(0).standard_normal((n, ends.dim), np.float32)
        values: dict[str, Any] = {
            "z": np.asarray(cut(z, np.float32(ends.truncation))),
            "truncation": np.full(n, self._default_truncation, np.float32),
            "label": np.arange(n, dtype=np.int32) % max(self.gan.num_classes, 1),
        }
        parts = []
        for i in range(0, n, batch_size):
            some = [tf.constant(values[name][i : i + batch_size]) for name in self.inputs]
            parts.append(quantised(self._traced()(*some)).numpy())
        return np.concatenate(parts)

    def description(self, adapter: Any = None) -> dict[str, Any]:
        """What a file says of itself, as JSON: its tensors, and where it is from."""
        return {
            "inputs": _json(self.inputs),
            "outputs": _json(self.outputs),
            "latents": self.endpoints.sampling.latents,
            "default_truncation": self.endpoints.truncation,
            "no_truncation": self.endpoints.no_truncation,
            **origin_of(self.gan, adapter),
        }


def _json(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: tensor.to_json() for name, tensor in tensors.items()}


def _matters(function: Any, name: str) -> bool:
    """Whether the outputs of a concrete function can depend on one of its inputs."""
    wanted = next(t.op for t in function.inputs if t.name.partition(":")[0] == name)
    stack, seen = [tensor.op for tensor in function.outputs], set()
    while stack:
        operation = stack.pop()
        if operation is wanted:
            return True
        if operation.name not in seen:
            seen.add(operation.name)
            stack += [tensor.op for tensor in operation.inputs]
    return False
