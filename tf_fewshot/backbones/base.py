"""The contract that every backbone keeps.

A backbone is one file that subclasses :class:`GAN` and registers itself under
the name of its architecture. It knows nothing of methods: it only says what it
is made of (stages, scale and shift, latents) so that methods can choose.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from .errors import BackboneError
from .parts import ScaleShiftRole, Stage, Variable, digest_of
from .truncation import truncated_normal


class GAN(abc.ABC):
    """A generator, its discriminator if there is one, and their latents.

    Attributes:
        generator: ``generator(z, label=None, training=False)`` maps float32 ``z``
            ``[N, latent_dim]`` (and int labels ``[N]``) to float32 images
            ``[N, H, W, C]``, nominally in [-1, 1]. Deterministic unless training.
        discriminator: ``discriminator(images, label=None, training=False)`` maps
            such images to float32 logits ``[N, 1]``. None if it was never released.
        has_discriminator: Whether the architecture comes with one.
        config: What rebuilds the architecture: keyword arguments of the class.
        source_metadata: Where loaded weights came from ("name", "sha256", "licence",
            …); empty for new ones.
    """

    architecture: ClassVar[str]
    has_discriminator: ClassVar[bool] = True

    generator: keras.Model
    discriminator: keras.Model | None

    def __init__(self, **config: Any):
        self.config = config
        self.source_metadata: dict[str, Any] = {}

    # What it is ----------------------------------------------------------------

    @property
    def latent_dim(self) -> int:
        """Size of ``z``."""
        return self.config["latent_dim"]

    @property
    @abc.abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images."""

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 if the GAN is not conditional."""
        return 0

    @property
    def precision(self) -> str:
        """Name of the Keras dtype policy of the networks."""
        return self.config.get("dtype") or "float32"

    @abc.abstractmethod
    def generator_stages(self) -> list[Stage]:
        """The generator from latents to pixels; every variable in exactly one stage."""

    def output_axis(self, kernel: Variable) -> int:
        """The axis of a kernel's output channels; of transposed convolutions not the last."""
        del kernel
        return -1

    def synthesis_stages(self) -> list[Stage]:
        """The stages of the generator that :meth:`synthesize` passes through."""
        return self.generator_stages()

    @abc.abstractmethod
    def discriminator_stages(self) -> list[Stage]:
        """The discriminator from pixels to logit; empty without discriminator."""

    @abc.abstractmethod
    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Scale and shift of every hidden layer but the last, from input to output.

        Raises:
            BackboneError: if the generator was built without them; see
                :meth:`with_scale_shift`.
        """

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The architecture's own scale and shift of its hidden layers, from input to output.

        Such as the gamma and beta of batch normalisation, the tables that hold them for
        each class, or the maps that compute them (``direct=False``). Empty if it has none.
        """
        return []

    def discriminator_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Scale and shift of every hidden layer of the discriminator, from pixels to logit.

        Raises:
            BackboneError: if it was built without them; see
                :meth:`with_discriminator_scale_shift`.
        """
        raise BackboneError(f"this {self.architecture} has no scale and shift to judge with")

    # Sampling ------------------------------------------------------------------

    def sample_latents(
        self, n: int, seed: int | None = None, truncation: float | None = None
    ) -> np.ndarray:
        """Draws float32 ``z`` ``[n, latent_dim]`` from N(0, 1).

        Args:
            n: Number of latents.
            seed: The same seed gives the same latents.
            truncation: Threshold of a truncated normal: components beyond it are
                drawn again (as BSA does). None draws from the whole normal.
        """
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((n, self.latent_dim), dtype=np.float32)
        return z if truncation is None else np.asarray(self.truncate_latents(z, truncation))

    def truncate_latents(self, z, truncation):
        """Carries ``z`` from N(0, 1) to the normal distribution truncated at ±truncation.

        Each component keeps its rank, so that one seed at two thresholds gives two
        versions of one picture; the law is that of drawing again whatever is outside.
        Backbones that truncate elsewhere return ``z``.

        Args:
            z: float32 ``[N, latent_dim]``.
            truncation: A number above 0, or one for each row ``[N]``.
        """
        return truncated_normal(z, truncation)

    @abc.abstractmethod
    def generate(self, z, label=None, truncation: float | None = None, noise: str = "const"):
        """The full inference path: images as the network gives them, not clipped.

        Args:
            z: float32 ``[N, latent_dim]``.
            label: int ``[N]``, for class-conditional GANs only.
            truncation: The architecture's own truncation (StyleGAN's ψ, BigGAN's
                statistics): a number, or float32 ``[N, 1]``, one for each row. None, or
                1, is no truncation.
            noise: "const" uses the maps stored with the weights, "random" draws
                new ones, "none" adds none. Ignored where there is no noise.

        Returns:
            float32 ``[N, H, W, C]``.
        """

    # Free latents: those that a method optimises for one picture ------------------

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

    def synthesize(self, free, label=None, training: bool = False):
        """Images of free latents ``[N, free_latent_dim]``; 0 is the centre."""
        return self.generator(free, label, training=training)

    # Activations ---------------------------------------------------------------

    def generator_features(self, z, label=None) -> list:
        """Activations ``[N, h, w, C]`` of the generator's layers in inference, to the output.

        Raises:
            BackboneError: if the architecture does not show them.
        """
        del z, label
        raise BackboneError(f"a {self.architecture} does not show its activations")

    def discriminator_features(self, images, label=None, training: bool = False) -> list:
        """Activations ``[N, h, w, C]`` after each stage of the discriminator but the last.

        Raises:
            BackboneError: if the architecture does not show them.
        """
        del images, label, training
        raise BackboneError(f"a {self.architecture} does not show its activations")

    # Copies --------------------------------------------------------------------

    def rebuild(self, **changes: Any) -> GAN:
        """A GAN of the same weights with some of its configuration changed.

        Variables are matched by their path; those that the change adds keep their
        initial values.
        """
        twin = type(self)(**{**copy.deepcopy(self.config), **changes})
        if self.discriminator is None:
            twin.discriminator = None
        mine, theirs = self.variables_by_path(), twin.variables_by_path()
        for path, variable in theirs.items():
            if path in mine and mine[path].shape == variable.shape:
                variable.assign(mine[path])
        twin.source_metadata = dict(self.source_metadata)
        return twin

    def clone(self) -> GAN:
        """An independent copy with equal weights."""
        return self.rebuild()

    def with_precision(self, dtype: str) -> GAN:
        """A copy that computes under another Keras dtype policy."""
        return self.rebuild(dtype=dtype)

    def with_one_class(self, start: int | str = "mean") -> GAN:
        """A copy without classes: what depended on them is one class, and can be trained.

        A GAN without classes gives itself. Methods that teach one new domain train this.

        Args:
            start: What the class begins as: "mean" of all classes, the number of one, or
                "identity" (scale 1 and shift 0), where the architecture can.

        Raises:
            BackboneError: if it cannot begin so.
        """
        del start
        if self.num_classes:
            raise BackboneError(f"a {self.architecture} cannot do without its classes")
        return self

    def with_scale_shift(self) -> GAN:
        """A copy whose hidden layers have scale and shift (no change of output)."""
        return self.rebuild(scale_shift=True)

    def with_discriminator_scale_shift(self) -> GAN:
        """A copy whose discriminator's hidden layers have scale and shift, too.

        The scale is divided by its largest (:class:`tf_fewshot.layers.ScaleShift`); the
        output does not change.

        Raises:
            BackboneError: if the architecture cannot.
        """
        return self._with("discriminator_scale_shift", True, "scale and shift to judge with")

    def with_miner(self, widths: Sequence[int] = (512,)) -> GAN:
        """A copy whose latents go through a new :class:`tf_fewshot.layers.Miner` first.

        Raises:
            BackboneError: if the architecture cannot.
        """
        return self._with("miner", list(widths), "a miner")

    def with_latent_gaussian(self, pictures: int) -> GAN:
        """A copy whose latents can go through a :class:`tf_fewshot.layers.LatentGaussian`.

        Until it is fitted (:meth:`fit_latents`) the output does not change; what it was fitted
        to before is forgotten.

        Args:
            pictures: How many latents it will be fitted to.

        Raises:
            BackboneError: if the architecture cannot.
        """
        rank = max(1, min(pictures - 1, self.latent_dim))
        twin = self._with("latent_gaussian", rank, "a Gaussian of latents")
        twin.generator.latent_gaussian.reset()
        return twin

    def fit_latents(self, latents: np.ndarray, of: GAN) -> None:
        """Draws from now on by the Gaussian of ``latents`` rather than by the prior.

        Args:
            latents: Free latents ``[N, free_latent_dim]`` in ``of``.
            of: A GAN of this configuration, such as the one that these were trained with.
        """
        del of
        self._require("latent_gaussian")
        self.generator.latent_gaussian.fit(self._gaussian_space(latents))

    def latents_of_fitted(self, latents: np.ndarray) -> np.ndarray:
        """``z`` ``[N, latent_dim]`` that give the pictures of latents it was fitted to.

        Args:
            latents: See :meth:`fit_latents`.
        """
        self._require("latent_gaussian")
        found = self._gaussian_space(latents)
        return self.generator.latent_gaussian.coordinates(found, self.latent_dim)

    def _gaussian_space(self, free: np.ndarray) -> np.ndarray:
        """Free latents as the layer gives them."""
        return free

    def miner_variables(self) -> list[Variable]:
        """The weights of the miner; none without it."""
        miner = getattr(self.generator, "miner", None)
        return [] if miner is None else list(miner.trainable_weights)

    def _latent_stages(self) -> list[Stage]:
        """What ``z`` goes through before the synthesis network."""
        layers = (self.generator.latent_gaussian, self.generator.miner)
        return [Stage(layer.name, tuple(layer.weights)) for layer in layers if layer is not None]

    def _require(self, key: str) -> None:
        """Raises a BackboneError unless it was built with ``key``, as ``with_…`` builds it."""
        if not self.config[key]:
            what = key.replace("_", " ").replace("scale shift", "scale and shift")
            raise BackboneError(f"this {type(self).__name__} has no {what}: use with_{key}() first")

    def _with(self, key: str, value: Any, what: str) -> GAN:
        if key not in self.config:
            raise BackboneError(f"a {self.architecture} cannot have {what}")
        return self.rebuild(**{key: value})

    # Weights -------------------------------------------------------------------

    def networks(self) -> list[keras.Model]:
        """The generator, and the discriminator if there is one."""
        return [n for n in (self.generator, self.discriminator) if n is not None]

    def variables_by_path(self) -> dict[str, Variable]:
        """Every weight of both networks by its path, its address everywhere."""
        found: dict[str, Variable] = {}
        for network in self.networks():
            for variable in network.weights:
                if variable.path in found:
                    raise BackboneError(f"two weights share the path {variable.path!r}")
                found[variable.path] = variable
        return found

    def fingerprint(self, network: str = "generator") -> str:
        """SHA-256 over paths and float32 values of one network's weights."""
        variables = self.variables_by_path().items()
        return digest_of({p: v for p, v in variables if p.split("/")[0] == network})
