"""Plain fine-tuning of both networks.

tf-fewshot adapt --config=transfergan --data=my_pictures --workdir=runs/mine

Measured on avataaars64 → personas (10 pictures, seed 0; 500 samples against 500 unseen pictures,
EfficientNet-Lite0; intra-LPIPS with AlexNet), from a source of 525,000 images: FID 115,
intra-LPIPS 0.228 after 500 steps; with feature_weight=2 and feature_learning_rate=0.001 97 and
0.201, after 200 steps 105 and 0.226.
"""

from ml_collections import ConfigDict, config_dict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "transfergan",
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
            "augment": "none",  # or diffaugment, ada: of what the discriminator sees
            "augment_p": config_dict.placeholder(float),  # of "ada"; adapted
            "ada_target": 0.6,
            "ada_images": 4_000,  # within which augment_p may go from 0 to 1
            "ema_decay": 0.98,
            "truncation": config_dict.placeholder(float),  # of samples
        }
    )
