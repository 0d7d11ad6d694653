"""Batch statistics adaptation of an SNGAN with classes, with the paper's settings.

tf-fewshot adapt --config=bsa_sngan --source=SNGAN.npz --data=my_pictures --workdir=runs/mine

SNGAN.npz stands for Chainer's ResNetGenerator_850000.npz. Trained are scale and shift after the
fully connected layer and after each normalisation of the blocks. The paper begins with the class's
own scales at 1 and shifts at 0 (class_start="identity"); its code leaves those of class 0 below
the new ones (class_start="0") and has latent_prior_convention="code".
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "bsa",
            "source": "SNGAN.npz",
            "steps": 3000,  # the paper's are 3,000 to 4,000
            "batch_size": 25,
            "class_start": "identity",
            "rate_factor": 1.0,
            "latent_learning_rate": None,  # as learning_rate
            "rate_decay": 0.2,
            "rate_decay_steps": 3000,
            "latent_noise": 0.01,  # ε; the code's
            "latent_prior_convention": "paper",
            "latent_prior_weight": None,  # 0.2
            "perceptual_weight": 0.001,  # the code's, for its scale of VGG16's input
            "perceptual_input": "bsa",
            "latent_distribution": "prior",
            "truncation": 0.35,  # of samples; the paper's are 0.3 to 0.4
        }
    )
