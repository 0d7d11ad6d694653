"""The space in which single pictures are fitted: a part of the contract of a GAN."""

from __future__ import annotations

import abc
import copy
from typing import Self

import numpy as np

from .extensions import Host


class FreeLatents(Host):
    """Free latents: those that a method optimises for one picture.

    Their space is that of ``z`` itself, unless an architecture has a better one.
    """

    @property
    @abc.abstractmethod
    def latent_dim(self) -> int:
        """Size of ``z``."""

    @property
    def free_latent_dim(self) -> int:
        """Size of a latent in the space where single pictures are fitted."""
        return self.latent_dim

    @property
    def free_latent_layers(self) -> int:
        """How many equal parts such a latent has, where each layer has one of its own."""
        return 1

    def free_latents(self, z, label=None):
        """Maps ``z`` to the free space: centred on 0, unit variance in each component.

        The identity where ``z`` itself is such a space.
        """
        del label
        return z

    def drawn_latents(self, z, label=None):
        """The free latents whose pictures :meth:`generate` draws for ``z``, without truncation.

        They are those of :meth:`free_latents`, with what extensions of the free space make of
        them: :meth:`synthesize` of a copy without these extensions gives the pictures.
        """
        del label
        return self.generator.latents.carry(z, z)

    def synthesize(self, free, label=None, training: bool = False):
        """Images of free latents ``[N, free_latent_dim]``; 0 is the centre."""
        return self.generator(free, label, training=training)

    def share_free_space(self, of: FreeLatents) -> None:
        """Makes free latents mean here what they mean in a GAN of the same configuration."""
        del of

    def in_free_space_of(self, of: FreeLatents) -> Self:
        """Returns this GAN, with the same networks, but in the free space of another."""
        twin = copy.copy(self)
        twin.share_free_space(of)
        return twin

    def inner_latents(self, free: np.ndarray) -> np.ndarray:
        """Free latents as the network has them at the point of extensions."""
        return free
