"""Batch statistics adaptation of a BigGAN, with the paper's settings.

tf-fewshot adapt --config=bsa_biggan --source=biggan-256 --data=my_pictures --workdir=runs/mine

Trained are the class vector, the maps from it to scale and shift, a new scale and shift after the
first layer, and that layer; nothing else. The paper takes 6,000 to 10,000 steps.

Measured on a 32-pixel BigGAN of five styles, none of them the target (pretrain_biggan32 has its
commands), on which the 25 bundled toon-heads took 16 minutes on one CPU core:

    tf-fewshot adapt --config=bsa_biggan --source=runs/biggan32/source.npz --precision=bfloat16 \\
        --data=tf_fewshot/samples/toon-head --workdir=runs/bsa_biggan32

To the eye reconstructions are their pictures; samples are toon-heads with faces, of one haircut.
2,000 samples against 2,000 unseen pictures (seed 0): FID (EfficientNet-Lite0) 122.2, KMMD 0.263,
intra-LPIPS (AlexNet) 0.010. DeepMind's released weights were not at hand.
"""

from ml_collections import ConfigDict, config_dict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "bsa_biggan",
            "source": "biggan-256",
            "steps": 6000,
            "batch_size": 16,  # the paper's; the code's is 5 on each of 4 devices
            "class_start": "mean",  # of all classes, or the number of one
            "per_class": False,  # True learns each sub-folder of the data on its own
            "learning_rate": 0.0005,
            "rate_factor": 1.0,  # of the paper's rate by data size, where learning_rate is None
            "latent_learning_rate": 0.05,
            "class_learning_rate": 1e-3,
            "first_kernel_learning_rate": 1e-7,
            "rate_decay": 0.2,
            "rate_decay_steps": 3000,
            "clip_images": True,  # without effect behind tanh
            "latent_noise": 0.01,  # ε; the code's
            "latent_prior_convention": "paper",  # or "code"
            "latent_prior_weight": config_dict.placeholder(float),  # 0.2 (paper), 0.1 (code)
            "latent_prior_samples": 10,  # k = 10 · batch
            "reconstruction_norm": "l1",  # or "l2"
            "perceptual_norm": "l2",
            "perceptual_weight": config_dict.placeholder(float),  # adaptive: 0.1 by the loss
            "perceptual_input": "torchvision",  # or "bsa"
            "ema_decay": 0.0,
            "latent_distribution": "prior",  # or "gaussian", that of the pictures' latents
            "truncation": 0.2,  # of samples
        }
    )
