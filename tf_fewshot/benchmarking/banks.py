"""What a bank of domains costs: seconds of mixed batches, and bytes on disk."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..bank import Domain, DomainBank
from ..export import Adapter
from .timing import ratios_by

_STORED = 100


@dataclasses.dataclass(frozen=True)
class BankCost:
    """What a bank costs with as many domains as a batch has rows, all as BSA makes them.

    Attributes:
        domains: How many there are.
        pictures: How many pictures the latents of each are fitted to.
        mixed_by_own: Seconds of processors of a batch of all domains, by those of a batch that
            the generator of one adapter draws.
        mixed_by_one: The same by those of a batch of one domain, which the bank draws.
        bytes_of_hundred: What a hundred domains add to the file.
    """

    domains: int
    pictures: int
    mixed_by_own: float
    mixed_by_one: float
    bytes_of_hundred: int

    def record(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return (
            f"bank: a batch of {self.domains} domains takes {self.mixed_by_own:.3f} times one of "
            f"an adapter's own generator, and {self.mixed_by_one:.3f} times one of one domain; "
            f"100 domains of {self.pictures} pictures are {self.bytes_of_hundred / 1e6:.2f} MB"
        )


def measure_bank(gan: GAN, domains: int, repeats: int, pictures: int = 10) -> BankCost:
    """Draws batches of a bank in turns with those of one adapter.

    Args:
        gan: The source.
        domains: How many there are, and rows in a batch.
        repeats: How often each is drawn; of their ratios it is the median.
        pictures: How many pictures the latents of each domain are fitted to.
    """
    source = gan.without_discriminator()
    adapted = _adapted(source, pictures)
    bank = DomainBank(source, "source")
    bank.add("0", Adapter.from_gans(source, adapted, method="bsa", source_name="source"))
    (first,) = bank.domains
    rng = np.random.default_rng(0)
    others = [_like(first, str(i), rng) for i in range(1, _STORED)]
    with tempfile.TemporaryDirectory() as folder:
        size = [_size(bank, many, Path(folder)) for many in ([], [first, *others])]
    bank.replace([first, *others][:domains])
    z = tf.constant(source.sample_latents(domains, seed=0))
    label = tf.zeros([domains], tf.int32) if source.num_classes else None
    chosen = tf.function(lambda z, numbers: bank.network.chosen(z, numbers, label))
    own = tf.function(adapted.generate)
    every = tf.range(1, domains + 1)
    by_own, by_one = ratios_by(
        lambda: chosen(z, every).numpy(),
        [lambda: own(z).numpy(), lambda: chosen(z, tf.ones_like(every)).numpy()],
        repeats,
    )
    return BankCost(domains, pictures, by_own, by_one, size[1] - size[0])


def _adapted(source: GAN, pictures: int) -> GAN:
    """A copy as BSA leaves it, with numbers that are drawn."""
    rng = np.random.default_rng(0)
    start = "mean" if source.classes_blend else 0
    adapted = source.with_one_class(start).with_scale_shift().with_latent_gaussian(pictures)
    for role in adapted.scale_shift_roles():
        for variable in (*role.gammas, *role.betas):
            variable.assign_add(0.1 * rng.standard_normal(variable.shape))
    latents = rng.standard_normal((pictures, source.free_latent_dim)).astype(np.float32)
    adapted.fit_latents(latents, adapted)
    return adapted


def _like(domain: Domain, name: str, rng: np.random.Generator) -> Domain:
    """Another domain whose weights have the same magnitudes; what was rounded stays so."""

    def other(value: np.ndarray) -> np.ndarray:
        shuffled = rng.permutation(value, axis=-1)
        rounded = value.astype(np.float16).astype(np.float32)
        own = value * (1.0 + 0.01 * rng.standard_normal(value.shape))
        half = (shuffled * rng.choice([-1.0, 1.0], value.shape)).astype(np.float32)
        return np.where(rounded == value, half, own.astype(np.float32))

    return dataclasses.replace(
        domain, name=name, weights={path: other(value) for path, value in domain.weights.items()}
    )


def _size(bank: DomainBank, domains: list[Domain], folder: Path) -> int:
    bank.replace(domains)
    return bank.save(folder / f"{len(domains)}.bank").stat().st_size
