"""How an adapted generator is sampled, and latents that are drawn inside a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ..errors import UserError

SPACES = ("z", "free")
# The same seed gives the same latents on every kind of device.
_ALGORITHM = "philox"


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How samples are drawn unless someone asks otherwise.

    Attributes:
        latents: "z" draws the generator's own latents for ``gan.generate``, "free" those
            that pictures were fitted with for ``gan.synthesize``; both from N(0, 1).
        truncation: Of ``z``, that of ``gan.sample_latents`` and ``gan.generate``. Of free
            latents, the threshold of a truncated normal (as BSA samples). None truncates
            nothing.
    """

    latents: str = "z"
    truncation: float | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Sampling:
        """Reads ``{"latents": …, "truncation": …}``, both optional.

        Raises:
            UserError: for other keys or values.
        """
        fits = (
            set(value) <= {"latents", "truncation"}
            and value.get("latents", "z") in SPACES
            and isinstance(value.get("truncation"), int | float | None)
        )
        if not fits:
            raise UserError(
                f"Cannot sample by {dict(value)!r}: latents must be 'z' or 'free', and "
                "truncation a number or null."
            )
        return cls(**value)


def latents_of_seeds(seeds: tf.Tensor, dim: int) -> tf.Tensor:
    """Draws latents from N(0, 1), one for each seed, whatever else is in the batch.

    Args:
        seeds: int64 ``[N]``.
        dim: Size of a latent.

    Returns:
        float32 ``[N, dim]``.
    """
    return tf.map_fn(
        lambda seed: tf.random.stateless_normal(
            [dim], tf.stack([seed, tf.zeros_like(seed)]), alg=_ALGORITHM
        ),
        seeds,
        fn_output_signature=tf.TensorSpec([dim], tf.float32),
    )


def png_files(images: tf.Tensor) -> dict[str, tf.Tensor]:
    """Makes a PNG file of each image.

    Args:
        images: float32 ``[N, H, W, C]`` in [-1, 1].

    Returns:
        "images_bytes", strings ``[N]``: what ends so is base64 in a server's JSON.
    """
    levels = tf.cast(tf.round((images + 1.0) * 127.5), tf.uint8)
    files = tf.map_fn(tf.io.encode_png, levels, tf.TensorSpec([], tf.string))
    return {"images_bytes": files}
