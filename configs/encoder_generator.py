"""Scale and shift of the generator, behind an encoder of the pictures.

tf-fewshot adapt --config=encoder_generator --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict, config_dict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "encoder_generator",
            "source": "avataaars64",
            "steps": 1000,
            "batch_size": 8,
            "class_start": "mean",  # of a source with classes; or "identity", or a number
            "learning_rate": config_dict.placeholder(float),  # the paper's for the data size
            "rate_factor": 0.2,  # times the paper's rate
            "latent_learning_rate": 0.0005,  # of the encoder
            "rate_decay": 0.2,
            "rate_decay_steps": 3000,
            "reconstruction_norm": "l1",  # or "l2"
            "perceptual_norm": "l1",  # or "l2"
            "perceptual_weight": config_dict.placeholder(float),  # adaptive: 0.1 by the loss
            "perceptual_input": "torchvision",  # or "bsa", with weight 0.001 the code's
            "ema_decay": 0.0,
            "truncation": 0.4,  # of samples
        }
    )
