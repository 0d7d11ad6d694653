"""Adversarial losses by name, and the R1 gradient penalty.

The formulas are TF-GAN's (``tfgan.losses.wargs``); here they get the names of the
papers and logits of shape ``[N, 1]``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from ..compat import tfgan
from ..errors import unknown_name
from ..layers.batch_norm import twice_differentiable


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """A pair of losses over logits of one shape; both return a scalar to minimise.

    Attributes:
        generator: Of logits of its images and, if it is ``relative``, of as many real pictures.
        discriminator: Of logits of real pictures and of the generator's images.
        relative: Whether images are judged by how they compare with real pictures.
    """

    generator: Callable[..., tf.Tensor]
    discriminator: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    relative: bool = False


_TFGAN_NAMES = {
    # Goodfellow et al. 2014: softplus(-D(G(z))), softplus(D(G(z))) + softplus(-D(x)).
    "non_saturating": ("modified_generator_loss", "modified_discriminator_loss"),
    # Lim and Ye 2017, Miyato et al. 2018.
    "hinge": ("wasserstein_hinge_generator_loss", "wasserstein_hinge_discriminator_loss"),
    # Arjovsky et al. 2017.
    "wasserstein": ("wasserstein_generator_loss", "wasserstein_discriminator_loss"),
    # Mao et al. 2017.
    "least_squares": ("least_squares_generator_loss", "least_squares_discriminator_loss"),
}


def get(name: str) -> AdversarialLoss:
    """Returns the loss of that name.

    Raises:
        UserError: for a name other than "non_saturating", "hinge", "wasserstein",
            "least_squares" and "relativistic".
    """
    if name == "relativistic":
        return RELATIVISTIC
    if name not in _TFGAN_NAMES:
        raise unknown_name("adversarial loss", name, [*_TFGAN_NAMES, "relativistic"])
    wargs = tfgan.load().losses.wargs
    generator, discriminator = (getattr(wargs, n) for n in _TFGAN_NAMES[name])
    # TF-GAN smooths the real labels by 0.25 unless it is told not to.
    plain = {"label_smoothing": 0.0} if name == "non_saturating" else {}

    return AdversarialLoss(
        lambda fake, real=None: generator(fake, **plain),
        lambda real, fake: discriminator(real, fake, **plain),
    )


def _relativistic(above: tf.Tensor, below: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.softplus(below - above))


# Jolicoeur-Martineau, "The relativistic discriminator" (ICLR 2019), section 4: softplus of the
# difference of a pair, one real and one generated. Where both are of one latent (Known) all that
# they share drops out of it.
RELATIVISTIC = AdversarialLoss(
    lambda fake, real: _relativistic(fake, real),
    lambda real, fake: _relativistic(real, fake),
    relative=True,
)


def r1_penalty(discriminator, images, label=None) -> tf.Tensor:
    """Returns the mean over images of the squared norm of the gradient of the logit.

    Source: Mescheder et al., "Which Training Methods for GANs do actually
    Converge?" (2018), equation 9, without the factor γ/2.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape, twice_differentiable():
        tape.watch(images)
        score = tf.reduce_sum(discriminator(images, label, training=True))
    gradient = tf.cast(tape.gradient(score, images), tf.float32)
    return tf.reduce_mean(tf.reduce_sum(tf.square(gradient), [1, 2, 3]))
