"""Batch statistics adaptation from 25 pictures.

tf-fewshot adapt --config=bsa --data=my_pictures --workdir=runs/mine

On avataaars64 → personas (25 pictures, seed 0) 600 steps give reconstructions with their pictures'
skin, hair, clothes and glasses; with rate_factor=0.2, latents as fast as the rest and
latent_prior_weight=0.001 those of toon-heads all came out in one colour after 1,000 steps.
"""

from ml_collections import ConfigDict, config_dict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "bsa",
            "source": "avataaars64",
            "steps": 1000,
            "batch_size": 8,
            "class_start": "mean",  # of a source with classes; or "identity", or a number
            "learning_rate": config_dict.placeholder(float),  # the paper's for the data size
            "rate_factor": 0.1,  # times the paper's rate
            "latent_learning_rate": 0.1,  # None: as learning_rate
            "rate_decay": 0.2,
            "rate_decay_steps": 3000,
            "latent_noise": 0.01,  # ε; the code's
            "latent_prior_convention": "code",  # or "paper"
            "latent_prior_weight": 0.0001,  # None: 0.1 (code), 0.2 (paper)
            "latent_prior_samples": 10,  # k = 10 · batch
            "scale_shift_weight": 0.02,  # of (γ - 1)² + β²
            "reconstruction_norm": "l1",  # or "l2"
            "perceptual_norm": "l1",  # or "l2"
            "perceptual_weight": config_dict.placeholder(float),  # adaptive: 0.1 by the loss
            "perceptual_input": "torchvision",  # or "bsa", with weight 0.001 the code's
            "ema_decay": 0.0,
            "truncation": 0.4,  # of samples
        }
    )
