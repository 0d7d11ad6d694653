"""The settings that methods share; configurations change what is their own after them.

No configuration itself. Configurations are run as files, wherever they lie, so that they import
this by its full name.
"""

from typing import Any

from ml_collections import config_dict

# Functions, because a placeholder belongs to the configuration that it was put in.


def adversarial() -> dict[str, Any]:
    """Settings of the methods that train against a discriminator."""
    return {
        "source": "avataaars64",
        "steps": 400,  # updates of the generator
        "batch_size": 8,
        "fresh_discriminator": False,  # for sources without one
        "adversarial_loss": "non_saturating",  # or hinge, wasserstein, least_squares
        "learning_rate": 0.002,
        "d_learning_rate": config_dict.placeholder(float),  # as the generator's
        "r1_gamma": 3.0,
        "r1_interval": 16,
        "beta_1": 0.0,
        "beta_2": 0.99,
        "clip_images": True,  # what the discriminator sees
        "feature_weight": 0.0,  # of a second discriminator, on a frozen AlexNet
        "feature_learning_rate": 0.0005,
        "mirror": False,  # whether real pictures are shown mirrored, too
        "augment": "none",  # or diffaugment, ada: of what the discriminator sees
        "augment_p": config_dict.placeholder(float),  # of "ada"; adapted
        "ada_target": 0.6,
        "ada_images": 4_000,  # within which augment_p may go from 0 to 1
        "ema_decay": 0.98,
        "truncation": config_dict.placeholder(float),  # of samples
    }


def new_source() -> dict[str, Any]:
    """Settings of training a source from new weights."""
    return {
        "batch_size": 16,
        "learning_rate": 0.004,
        "d_learning_rate": 0.003,
        "ema_images": 5_000,  # half-life of the averaged generator
        "snapshot_images": 16_000,
        "adversarial_loss": "non_saturating",
        "fresh_discriminator": False,  # True for an architecture that has none, as BigGAN
        "r1_interval": 16,
        "clip_images": True,  # what D sees; flat white is otherwise hard to hit
        "feature_weight": 2.0,  # of a second discriminator, on a frozen AlexNet
        "feature_learning_rate": 0.001,
        "augment": "none",  # or diffaugment, ada: of what the discriminator sees
        "augment_p": config_dict.placeholder(float),  # of "ada"; adapted
        "ada_target": 0.6,
        "ada_images": 500_000,  # within which augment_p may go from 0 to 1
    }


def reconstruction() -> dict[str, Any]:
    """Settings of the methods that reconstruct the pictures."""
    return {
        "source": "avataaars64",
        "steps": 1000,
        "batch_size": 8,
        "rate_decay": 0.2,
        "rate_decay_steps": 3000,  # None: along a cosine over the run
        "clip_images": True,  # white beyond a picture's white is white
        "reconstruction_norm": "l1",  # or "l2"
        "perceptual_norm": "l1",  # or "l2"
        "perceptual_weight": config_dict.placeholder(float),  # adaptive: 0.1 by the loss
        "perceptual_input": "torchvision",  # or "bsa", with weight 0.001 the code's
        "ema_decay": 0.0,
        "truncation": config_dict.placeholder(float),  # of samples
        "latent_distribution": "gaussian",  # of samples: that of the pictures' latents; or "prior"
    }


def latent_table() -> dict[str, Any]:
    """Settings of the reconstructions that fit a latent to each picture."""
    return {
        "latent_learning_rate": 0.1,  # None: as learning_rate
        "latent_noise": 0.3,  # ε, in standard deviations of the styles; the code's is 0.01
        "latent_prior_convention": "code",  # or "paper"
        "latent_prior_weight": 0.0001,  # None: 0.1 (code), 0.2 (paper)
        "latent_prior_samples": 10,  # k = 10 · batch
    }
