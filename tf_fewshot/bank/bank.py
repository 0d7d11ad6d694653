"""Many adapters of one source as one generator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from .. import weights as weights_room
from ..adapted import Adapted, adapter_file
from ..backbones import GAN
from ..backbones.sampling import quantised
from ..errors import UserError, unknown_name
from ..export import Adapter
from .checks import labels_of, numbers_of, truncations_of, weights_of
from .domain import Domain, domain_of
from .endpoints import BankEndpoints
from .export import export_bank
from .file import Header, read_bank, write_bank
from .network import BankNetwork, merged_extensions
from .singular import Decompositions

SOURCE = "source"


class DomainBank:
    """Many domains of one source, which one network draws, also mixed within a batch.

    Domain 0 is the source itself. The others are adapters that change scales and shifts, latents
    and other weights that each row of a batch can have for itself: a row costs next to nothing.

    Args:
        source: A GAN, the name of a preset, or a path; it stays as it is.
        source_name: What to call a source that is given as a GAN.

    Attributes:
        source: The source, in float32 and without discriminator.
        source_name: Its name, path or handle.

    Example:
        >>> bank = DomainBank("avataaars64")
        >>> bank.add("toons", "runs/toons/adapter")
        >>> bank.generate(bank.source.sample_latents(2, seed=0), ["source", "toons"])

    Raises:
        UserError: if the source cannot be loaded.
    """

    def __init__(self, source: GAN | str | os.PathLike, source_name: str | None = None):
        if isinstance(source, GAN):
            gan, name = source, source.source_metadata.get("name") or "the given source"
        else:
            gan, name = weights_room.load(source), str(source)
        self.source = gan.without_discriminator().with_precision("float32")
        self.source_name = source_name or name
        self._domains: list[Domain] = []
        self._network: BankNetwork | None = None
        self._kernels = Decompositions(self.source)

    # What is in it -----------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The names of the domains in the order of their numbers: "source", then the others."""
        return [SOURCE, *(domain.name for domain in self._domains)]

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The domains from number 1 on."""
        return tuple(self._domains)

    @property
    def network(self) -> BankNetwork:
        """The network that draws them all, as it is now."""
        if self._network is None:
            # Whoever asks first may be tracing a graph, which must not hold its making.
            with tf.init_scope():
                self._network = BankNetwork(self.source, self._domains, self._kernels)
        return self._network

    def add(self, name: str, adapter: Adapter | Adapted | str | os.PathLike) -> int:
        """Adds an adapter as the last domain; no other changes by it.

        Args:
            name: What to call the domain.
            adapter: Of this source: the adapter, an adapted generator, or an adapter's file or
                folder.

        Returns:
            Its number.

        Raises:
            UserError: if the name is taken, the adapter is of another source, or it changes what
                all pictures of a batch share, such as kernels.
        """
        if not name or name.strip() != name or not name.isprintable():
            raise UserError(f"A domain needs a name of printable characters, not {name!r}.")
        if name in self.names:
            raise UserError(
                f"The bank has a domain {name!r} already (number {self.names.index(name)}). "
                "Choose another name, or remove that first."
            )
        if isinstance(adapter, Adapted):
            adapter = adapter.adapter
        if not isinstance(adapter, Adapter):
            adapter = Adapter.load(adapter_file(adapter))
        domain = domain_of(name, adapter, self.source, self.source_name, self._kernels)
        self.replace([*self._domains, domain])
        return len(self._domains)

    def remove(self, name: str) -> None:
        """Removes a domain; those behind it move up by one number.

        Raises:
            UserError: if there is none of that name, or it is the source.
        """
        if name == SOURCE:
            raise UserError("The source is domain 0 of every bank, and cannot be removed.")
        if name not in self.names:
            raise unknown_name("domain", name, self.names)
        self.replace([domain for domain in self._domains if domain.name != name])

    def replace(self, domains: Sequence[Domain]) -> None:
        """Takes these domains in place of all that it has, numbered from 1 on.

        Raises:
            UserError: if two of them need layers that no network can have together.
        """
        merged_extensions(self.source, domains)
        self._domains, self._network = list(domains), None

    # Pictures ----------------------------------------------------------------------

    def generate(
        self,
        z: Any,
        domains: int | str | Sequence[int | str] | np.ndarray = 0,
        *,
        weights: Any = None,
        label: Any = None,
        truncation: Any = None,
    ) -> tf.Tensor:
        """Images of a batch whose rows may be of different domains.

        Each row is what its domain gives alone, but for the rounding of float32.

        Args:
            z: float32 ``[N, latent_dim]``, taken as they are.
            domains: A name or number for all rows, or one for each.
            weights: Instead of ``domains``: float ``[N, D]`` or ``[D]`` over all domains, the
                source first, or a dictionary of names and weights. They add up to 1, and may be
                negative. Weights of networks and latents are both mixed by them.
            label: Class of the source for all rows, or one for each, where it has classes; rows
                of other domains do not look at it. By default class 0.
            truncation: As of ``GAN.generate``: a number, or one for each row; None is that of
                each domain.

        Returns:
            float32 ``[N, H, W, C]``, nominally in [-1, 1], not clipped.

        Raises:
            UserError: for a domain that there is not, weights that do not add up to 1, or other
                numbers of rows than ``z`` has.
        """
        asked = self._asked(z, domains, weights, label, truncation)
        return self._eager(*asked)

    def sample(
        self,
        n: int,
        seed: int = 0,
        domains: int | str | Sequence[int | str] | np.ndarray = 0,
        *,
        weights: Any = None,
        label: Any = None,
        truncation: Any = None,
        batch_size: int = 32,
    ) -> np.ndarray:
        """Draws uint8 pictures ``[n, H, W, C]``; the same seed gives the same latents.

        See :meth:`generate`; truncation is applied to latents, too, where the source does so.

        Raises:
            UserError: as :meth:`generate`, or if n is below 1.
        """
        if n < 1:
            raise UserError(f"The number of pictures must be at least 1, not {n}.")
        z = self.source.sample_latents(n, seed)
        asked = self._asked(z, domains, weights, label, truncation)
        parts = []
        for i in range(0, n, batch_size):
            some = [None if a is None else tf.constant(a[i : i + batch_size]) for a in asked]
            parts.append(self._compiled(*some).numpy())
        return np.concatenate(parts)

    def _asked(self, z, domains, weights, label, truncation) -> tuple:
        """Latents, domains, weights, labels and truncations of each row; or None."""
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.source.latent_dim:
            raise UserError(
                f"z must have the shape [N, {self.source.latent_dim}], not {list(z.shape)}."
            )
        rows = len(z)
        label = labels_of(label, self.source.num_classes, rows)
        if weights is None:
            domains = numbers_of(domains, self.names, rows)
            own = self.network.truncations[domains]
        else:
            domains, weights = None, weights_of(weights, self.names, rows)
            own = weights @ self.network.truncations
        truncation = truncations_of(truncation, rows)
        if truncation is None and np.any(own != self.source.no_truncation):
            truncation = own
        return z, domains, weights, label, truncation

    def _eager(self, z, domains, weights, label, truncation):
        if weights is None:
            return self.network.chosen(z, domains, label, truncation)
        return self.network.mixed(z, weights, label, truncation)

    @property
    def _compiled(self):
        network = self.network

        def pictures(z, domains, weights, label, truncation):
            if truncation is not None:
                z = self.source.truncate_latents(z, truncation)
            return quantised(self._eager(z, domains, weights, label, truncation))

        if not hasattr(network, "_pictures"):
            vars(network)["_pictures"] = tf.function(
                pictures, autograph=False, reduce_retracing=True
            )
        return vars(network)["_pictures"]

    # Files -------------------------------------------------------------------------

    def save(self, path: str | os.PathLike) -> Path:
        """Writes the bank without its source to one file, whole or not at all.

        Raises:
            UserError: if the file cannot be written.
        """
        fingerprint = self.source.fingerprint("generator")
        header = Header(self.source_name, fingerprint, self.source.architecture)
        write_bank(path, header, self._domains)
        return Path(path)

    def export(
        self,
        directory: str | os.PathLike,
        version: int | None = None,
        *,
        beside: Mapping[str, Adapted | str | os.PathLike] | None = None,
        root: str | None = None,
        tolerance: float = 1e-4,
    ) -> Path:
        """Writes a SavedModel for TF-Serving, checked; returns ``directory/<version>``.

        See :func:`~tf_fewshot.bank.export.export_bank`.
        """
        served = BankEndpoints(
            self.network, self.names, self.source_name, [d.method for d in self._domains]
        )
        return export_bank(served, directory, version, beside, root, tolerance)

    @classmethod
    def load(
        cls, path: str | os.PathLike, source: GAN | str | os.PathLike | None = None
    ) -> DomainBank:
        """Reads a bank.

        Args:
            path: Of its file.
            source: Its source, or where that is; None loads the one that the bank names.

        Raises:
            UserError: if the file cannot be read, or is of another source.
        """
        header, domains = read_bank(path)
        bank = cls(header.source if source is None else source)
        fingerprint = bank.source.fingerprint("generator")
        if (bank.source.architecture, fingerprint) != (
            header.architecture,
            header.source_fingerprint,
        ):
            raise UserError(
                f"{path} is a bank of {header.source} ({header.architecture}, fingerprint "
                f"{header.source_fingerprint}), not of {bank.source_name} "
                f"({bank.source.architecture}, fingerprint {fingerprint}). Load it with its own "
                "source."
            )
        bank.source_name = header.source
        bank.replace(domains)
        return bank
