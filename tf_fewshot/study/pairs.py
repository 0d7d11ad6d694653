"""The pairs of a user study: a generated picture beside a real one, sides drawn by seed.

Li et al., "Few-shot Image Generation with Elastic Weight Consolidation" (NeurIPS 2020), ask people
the same: shown one generated and one real picture, which one is generated?
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
import os
from collections.abc import Callable

import numpy as np

from ..data.channels import in_rgb
from ..data.load import load_pictures
from ..data.pictures import Pictures
from ..errors import UserError

Sampler = Callable[[int, int], np.ndarray]
"""``sampler(n, seed)`` -> uint8 ``[n, H, W, 3]``."""

# Drawn apart from the latents and from the order of the real pictures, which have the seed alone.
_SIDES, _KEY = 1, 2

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """Pairs of pictures, of which one is generated.

    Attributes:
        sheets: uint8 ``[rounds, H, 2 W, 3]``: the left and the right picture of each round as one,
            so that whatever is done to a picture is done to both.
        left: bool ``[rounds]``: whether the generated picture is the left one.
    """

    sheets: np.ndarray
    left: np.ndarray

    @property
    def rounds(self) -> int:
        """The number of pairs."""
        return len(self.sheets)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of one picture, in pixels."""
        return self.sheets.shape[1], self.sheets.shape[2] // 2

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the pixels of all pairs, their order, and which pictures are generated."""
        digest = hashlib.sha256(repr(self.sheets.shape).encode())
        digest.update(np.ascontiguousarray(self.sheets).data)
        digest.update(np.ascontiguousarray(self.left, np.uint8).data)
        return digest.hexdigest()

    def key(self) -> str:
        """Returns two hexadecimal digits a round, of odd parity where the left is generated.

        To look at them tells nothing: of the 256 bytes, half stand for either side. This keeps a
        glance at the page's source from spoiling the answers; it is no secret from programs.
        """
        seeds = [_KEY, *np.frombuffer(bytes.fromhex(self.fingerprint), np.uint32).tolist()]
        noise = np.random.default_rng(seeds).integers(256, size=self.rounds, dtype=np.uint8)
        parity = np.unpackbits(noise[:, None], axis=1).sum(axis=1) % 2
        return (noise ^ (parity != self.left).astype(np.uint8)).tobytes().hex()


def draw_study(
    sampler: Sampler,
    reference: Pictures | str | os.PathLike,
    rounds: int = 10,
    seed: int = 0,
    on_error: str = "raise",
) -> Study:
    """Draws the pairs of a study; the same seed gives the same ones.

    The generated picture is the left one in half of the rounds; of an odd number, one half by one
    more.

    Args:
        sampler: Draws uint8 pictures ``[n, H, W, 3]``.
        reference: Real pictures that were not trained on, or where they are. They are cropped and
            resized to the size of the generated ones, as training pictures are.
        rounds: The number of pairs.
        seed: Of the latents, of which real pictures are shown, and of the sides.
        on_error: "raise" or "skip" for real pictures that cannot be read.

    Raises:
        UserError: if rounds is below 1, there are fewer real pictures than rounds, or the
            sampler's pictures are no such array.
    """
    if rounds < 1:
        raise UserError(f"The number of rounds must be at least 1, not {rounds}.")
    if isinstance(reference, Pictures):
        # Before anything is drawn, which may take long.
        _check_count(reference, rounds)
    generated = np.asarray(sampler(rounds, seed))
    if generated.dtype != np.uint8 or generated.ndim != 4 or len(generated) != rounds:
        raise UserError(
            f"The sampler must give uint8 [{rounds}, H, W, 3], "
            f"not {generated.dtype} {list(generated.shape)}."
        )
    generated = in_rgb(generated)
    real = _real(reference, generated.shape[1:3], rounds, seed, on_error)
    left = np.arange(rounds) < rounds // 2
    rng = np.random.default_rng([seed, _SIDES])
    if rounds % 2:
        left[-1] = rng.integers(2)
    rng.shuffle(left)
    shown = left[:, None, None, None]
    pair = np.where(shown, generated, real), np.where(shown, real, generated)
    return Study(np.concatenate(pair, axis=2), left)


def _real(
    reference: Pictures | str | os.PathLike,
    size: tuple[int, int],
    rounds: int,
    seed: int,
    on_error: str,
) -> np.ndarray:
    """Returns as many real pictures as rounds, uint8 ``[rounds, H, W, 3]``."""
    if isinstance(reference, Pictures):
        # The order in which load_pictures reads a place.
        order = np.random.default_rng(seed).permutation(len(reference))[:rounds]
        return reference.select(order).resized(size).images
    pictures = load_pictures(reference, size, limit=rounds, shuffle_seed=seed, on_error=on_error)
    for note in pictures.notes:
        # An enlarged picture, for one, is blurred, and tells which one is real.
        _log.warning(note)
    _check_count(pictures, rounds)
    return pictures.images


def _check_count(reference: Pictures, rounds: int) -> None:
    if len(reference) < rounds:
        raise UserError(
            f"{rounds} rounds need {rounds} real pictures that were not trained on, and "
            f"{reference.source} has {len(reference)}: add some, or ask for fewer rounds."
        )
