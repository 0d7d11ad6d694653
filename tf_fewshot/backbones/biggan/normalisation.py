"""How the layers of BigGAN's generators are normalised: settings of both architectures."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from ...layers.spectral import Form
from ..errors import BackboneError
from .initial import initializer


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """How a generator is normalised; by default as the modules that were released are.

    Attributes:
        spectral_norm: Whether the generator is spectrally normalised. What learns by regression,
            without an opponent, is held back by it.
        condition_spectral_norm: Whether the maps are, too, that make scale and shift of batch
            normalisation.
        spectral_form: Where the epsilon of spectral normalisation stands: "inside" of the root of
            the sum of squares, "outside" of it, added to the length, or as the "least" length
            that is divided by, as in PyTorch.
        spectral_epsilon: That epsilon.
        spectral_pair: Whether both vectors of the last power step are kept, as PyTorch's own
            spectral normalisation keeps them: inference takes no step then.
        norm_epsilon: Epsilon of batch normalisation.
        last_norm_epsilon: That of the last one, before the pixels.
    """

    spectral_norm: bool = True
    condition_spectral_norm: bool = True
    spectral_form: Form = "inside"
    spectral_epsilon: float = 1e-4
    spectral_pair: bool = False
    norm_epsilon: float = 1e-4
    last_norm_epsilon: float = 1e-4

    def spectral(self) -> dict[str, Any]:
        """Arguments of layers with spectral normalisation."""
        # What nothing brings to its size later begins as large as it is to be.
        kernels = initializer() if self.spectral_norm else keras.initializers.HeNormal()
        return {
            **self.power_step(),
            "normalised": self.spectral_norm,
            "kernel_initializer": kernels,
        }

    def maps(self) -> dict[str, Any]:
        """Arguments of the layers that make scale and shift of a condition."""
        return {
            **self.power_step(),
            "normalised": self.spectral_norm and self.condition_spectral_norm,
            "kernel_initializer": initializer(),
        }

    def power_step(self) -> dict[str, Any]:
        """How layers take the step of the power method."""
        return {
            "epsilon": self.spectral_epsilon,
            "form": self.spectral_form,
            "pair": self.spectral_pair,
        }

    def check(self) -> None:
        """Refuses epsilons that would divide by 0.

        Raises:
            BackboneError: if one is not above 0.
        """
        for name in ("spectral_epsilon", "norm_epsilon", "last_norm_epsilon"):
            if not 0 < getattr(self, name) < 1:
                value = getattr(self, name)
                raise BackboneError(f"{name} must be above 0 and below 1, not {value}")
