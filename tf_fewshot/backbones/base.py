"""The contract that every backbone keeps.

A backbone subclasses :class:`GAN`, says of which networks and configuration it is, and registers
itself under the name of its architecture. It knows nothing of methods and of what they add to
networks: it only says what it is made of (stages, its own scale and shift, latents) so that
methods can choose, and where extensions can act.
"""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import keras
import numpy as np

from .adaptable import Adaptable
from .configuration import Configuration, NoConfiguration, configured
from .errors import BackboneError
from .extensions import Point, from_json, to_json
from .network import Network
from .parts import ClassTable, RoleValues, ScaleShiftRole, Stage, Variable, digest_of
from .truncation import Truncation, no_truncation, truncated_latents
from .upgrade import upgraded


class GAN(Adaptable, abc.ABC):
    """A generator, its discriminator if there is one, and their latents.

    Args:
        discriminator: Whether it has its own discriminator, if the architecture has one.
        **config: Settings of the configuration by flat names; "extensions", a list of
            extensions or their JSON; and "dtype", the Keras dtype policy, such as
            "mixed_bfloat16". Images and logits are float32 under every policy.

    Attributes:
        generator: ``generator(z, label=None, training=False)`` maps float32 ``z``
            ``[N, latent_dim]`` (and int labels ``[N]``) to float32 images
            ``[N, H, W, C]``, nominally in [-1, 1]. Deterministic unless training.
        discriminator: ``discriminator(images, label=None, training=False)`` maps
            such images to float32 logits ``[N, 1]``. None if it was never released.
        has_discriminator: Whether it comes with one.
        needs_classes: Whether it cannot be built without a class.
        truncates: What truncation does here.
        equalized_rates: Whether kernels are stored in units of their initial size (Karras et
            al., 2018), so that one learning rate moves all alike.
        configuration: The configuration, resolved.
        extensions: What was added to the architecture, in the order in which it acts.
        source_metadata: Where loaded weights came from ("name", "sha256", "licence",
            …); empty for new ones.

    Raises:
        BackboneError: if the settings or extensions do not fit.
    """

    architecture: ClassVar[str]
    configuration_class: ClassVar[type[Configuration]] = NoConfiguration
    generator_class: ClassVar[type[Network] | None] = None
    discriminator_class: ClassVar[type[Network] | None] = None
    needs_classes: ClassVar[bool] = False
    truncates: ClassVar[frozenset[Truncation]] = frozenset({Truncation.LATENTS})
    equalized_rates: ClassVar[bool] = False

    generator: Any
    discriminator: Any = None

    def __init__(self, *, discriminator: bool = True, **config: Any):
        flat = upgraded(config)
        self.extensions = tuple(map(from_json, flat.pop("extensions")))
        self._dtype = flat.pop("dtype", None) or "float32"
        owner = f"setting of a {self.architecture}"
        chosen = configured(self.configuration_class, flat, owner)
        self.configuration: Any = chosen.resolved()
        self.source_metadata: dict[str, Any] = {}
        for extension in self.extensions:
            extension.check(self)
        if self.generator_class is not None:
            judged = discriminator and self.has_discriminator
            self._build(self.generator_class, self.discriminator_class if judged else None)

    def _build(self, generator: type[Network], discriminator: type[Network] | None) -> None:
        def constructed(network: type[Network]) -> Network:
            config = self.configuration_of(network.kind)
            return network(config, self.extensions, dtype=self._dtype)

        # Both are constructed before either is built: weights draw their numbers in this order.
        self.generator = constructed(generator)
        self.discriminator = None if discriminator is None else constructed(discriminator)
        if self.needs_classes and not self.generator.classes.rows:
            raise BackboneError(
                f"a {self.architecture} needs classes: num_classes must be 1 or more, or 0 with "
                "one_class"
            )
        self.generator.build((None, self.latent_dim))
        if self.discriminator is not None:
            self.discriminator.build((None, *self.image_shape))

    # What it is ----------------------------------------------------------------

    @property
    def config(self) -> dict[str, Any]:
        """What rebuilds the architecture: keyword arguments of the class, as JSON holds them."""
        extensions = [to_json(extension) for extension in self.extensions]
        return {**self.configuration.flat(), "extensions": extensions, "dtype": self._dtype}

    @property
    def has_discriminator(self) -> bool:
        """Whether it comes with a discriminator, which is saved with it."""
        return self.discriminator_class is not None

    def configuration_of(self, network: str) -> Configuration:
        """The configuration that "generator" or "discriminator" is built from.

        It is that of the GAN, unless the network is of another architecture.
        """
        del network
        return self.configuration

    @property
    def latent_dim(self) -> int:
        """Size of ``z``."""
        return self.configuration.latent_dim

    @property
    @abc.abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images."""

    @property
    def num_classes(self) -> int:
        """Number of classes that labels tell apart; 0 if the GAN is not conditional."""
        return self.configuration.num_classes

    @property
    def class_names(self) -> list[str]:
        """What its classes are called, where its source says so; else their numbers."""
        known = self.source_metadata.get("classes")
        if isinstance(known, list) and len(set(known)) == self.num_classes:
            return list(map(str, known))
        return list(map(str, range(self.num_classes)))

    @property
    def classes_blend(self) -> bool:
        """Whether a mean of its classes draws pictures, so that a new class can begin as it."""
        return True

    @property
    def precision(self) -> str:
        """Name of the Keras dtype policy of the networks."""
        return self._dtype

    def points(self, network: str) -> frozenset[Point]:
        """The points of "generator" or "discriminator" at which extensions can act."""
        judge = self.discriminator_class if self.has_discriminator else None
        kind = {"generator": self.generator_class, "discriminator": judge}[network]
        own = frozenset() if kind is None else kind.points
        # What is done with finished pictures is no part of a network.
        return own | {Point.IMAGES} if network == "generator" else own

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

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The architecture's own scale and shift of its hidden layers, from input to output.

        Such as the gamma and beta of batch normalisation, the tables that hold them for
        each class, or the maps that compute them (``direct=False``). Empty if it has none.
        """
        return []

    def own_scale_shift(self, z, label=None) -> list[RoleValues]:
        """What :meth:`own_scale_shift_roles` come to, in their order, for these latents.

        Architectures that compute them by maps say here how.

        Args:
            z: float32 ``[N, latent_dim]``.
            label: int ``[N]``, where there are classes.
        """
        labels = np.zeros(len(z), np.int32) if label is None else np.asarray(label)
        return [RoleValues.of_role(role, labels) for role in self.own_scale_shift_roles()]

    def class_tables(self) -> list[ClassTable]:
        """The tables of which a label chooses a row; empty if the architecture has none."""
        return []

    # Sampling ------------------------------------------------------------------

    @property
    def no_truncation(self) -> float:
        """The truncation that truncates nothing."""
        return no_truncation(self.truncates)

    def sample_latents(
        self, n: int, seed: int | None = None, truncation: float | None = None
    ) -> np.ndarray:
        """Draws float32 ``z`` ``[n, latent_dim]`` from N(0, 1).

        Args:
            n: Number of latents.
            seed: The same seed gives the same latents.
            truncation: Threshold of a truncated normal, where the backbone truncates latents:
                components beyond it are drawn again (as BSA does). None draws from the whole
                normal.
        """
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((n, self.latent_dim), dtype=np.float32)
        return z if truncation is None else np.asarray(self.truncate_latents(z, truncation))

    def truncate_latents(self, z, truncation):
        """Carries ``z`` from N(0, 1) to the normal distribution truncated at ±truncation.

        Each component keeps its rank, so that one seed at two thresholds gives two
        versions of one picture; the law is that of drawing again whatever is outside.
        Backbones that truncate no latents return ``z``.

        Args:
            z: float32 ``[N, latent_dim]``.
            truncation: A number, or one for each row ``[N]``; 0 gives the centre, 10 or more
                changes nothing.
        """
        if Truncation.LATENTS not in self.truncates:
            return z
        return truncated_latents(z, truncation)

    def generate(self, z, label=None, truncation: float | None = None, noise: str = "const"):
        """The full inference path: images as the network gives them, not clipped.

        Args:
            z: float32 ``[N, latent_dim]``, taken as they are: :meth:`truncate_latents`
                truncates them.
            label: int ``[N]``, for class-conditional GANs only.
            truncation: Of styles (StyleGAN's ψ) or statistics (BigGAN's), where the backbone
                truncates these: a number, or float32 ``[N, 1]``, one for each row. None, or
                1, is no truncation.
            noise: "const" uses the maps stored with the weights, "random" draws
                new ones, "none" adds none. Ignored where there is no noise.

        Returns:
            float32 ``[N, H, W, C]``.
        """
        inside = self.truncates - {Truncation.LATENTS}
        return self._generated(z, label, truncation if inside else None, noise)

    def _generated(self, z, label, truncation, noise: str):
        """Images of latents; the truncation is None unless the network itself truncates."""
        del truncation, noise
        return self.generator(z, label)

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

    def discriminator_logits(self, features, label=None, training: bool = False):
        """What the last stage of the discriminator makes of activations.

        Args:
            features: ``[N, h, w, C]``, the last of :meth:`discriminator_features`, or what became
                of them. As they are, they give the logits of ``discriminator(images)``.
            label: int ``[N]``, for class-conditional discriminators only.
            training: As of the discriminator.

        Returns:
            float32 logits ``[N, 1]``.
        """
        return self.discriminator.logits(features, label, training)

    # Weights -------------------------------------------------------------------

    def networks(self) -> list[keras.Model]:
        """The generator, and the discriminator if there is one."""
        return [n for n in (self.generator, self.discriminator) if n is not None]

    def variables_by_path(self) -> dict[str, Variable]:
        """Every weight of both networks by its path, its address everywhere."""
        variables: dict[str, Variable] = {}
        for network in self.networks():
            for variable in network.weights:
                if variable.path in variables:
                    raise BackboneError(f"two weights share the path {variable.path!r}")
                variables[variable.path] = variable
        return variables

    def fingerprint(self, network: str = "generator") -> str:
        """SHA-256 over paths and float32 values of one network's weights."""
        variables = self.variables_by_path().items()
        return digest_of({p: v for p, v in variables if p.split("/")[0] == network})
