"""Reconstruction that trains the whole generator and a latent a picture.

tf-fewshot adapt --config=update_all --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict, config_dict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "update_all",
            "source": "avataaars64",
            "steps": 1000,
            "batch_size": 8,
            "learning_rate": 0.002,
            "rate_factor": 1.0,  # of the paper's rate, if learning_rate is None
            "latent_learning_rate": 0.1,
            "rate_decay": 0.2,
            "rate_decay_steps": 3000,
            "latent_noise": 0.01,  # ε; the code's
            "latent_prior_convention": "code",  # or "paper"
            "latent_prior_weight": 0.0001,  # None: 0.1 (code), 0.2 (paper)
            "latent_prior_samples": 10,  # k = 10 · batch
            "reconstruction_norm": "l1",  # or "l2"
            "perceptual_norm": "l1",  # or "l2"
            "perceptual_weight": config_dict.placeholder(float),  # adaptive: 0.1 by the loss
            "perceptual_input": "torchvision",  # or "bsa", with weight 0.001 the code's
            "generator_part": "all",  # or "first" or "last"
            "ema_decay": 0.0,
            "truncation": 0.4,  # of samples
        }
    )
