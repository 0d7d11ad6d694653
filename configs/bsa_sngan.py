"""Batch statistics adaptation of an SNGAN with classes, with the paper's settings.

tf-fewshot adapt --config=bsa_sngan --source=SNGAN.npz --data=my_pictures --workdir=runs/mine

SNGAN.npz stands for Chainer's ResNetGenerator_850000.npz. Trained are scale and shift after the
fully connected layer and after each normalisation of the blocks. The paper begins with the class's
own scales at 1 and shifts at 0 (class_start="identity"); its code leaves those of class 0 below
the new ones (class_start="0") and has latent_prior_convention="code".

Measured on a 32-pixel SNGAN of five styles, none of them the target (pretrain_sngan32 has its
commands), on which the 25 bundled toon-heads took 11 minutes on one CPU core:

    tf-fewshot adapt --config=bsa_sngan --source=runs/sngan32/source.npz --precision=bfloat16 \\
        --data=tf_fewshot/samples/toon-head --workdir=runs/bsa_sngan32

Reconstructions have their pictures' skin, hair and clothes, samples are toon-heads with faces.
2,000 samples against 2,000 unseen pictures (seed 0): FID (EfficientNet-Lite0) 130.5, KMMD 0.243,
intra-LPIPS (AlexNet) 0.010; 134.9, 0.225 and 0.020 with truncation=0.7; 142.0, 0.239 and 0.025 with
truncation=1. Chainer's released weights were not at hand.
"""

from ml_collections import ConfigDict, config_dict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "bsa",
            "source": "SNGAN.npz",
            "steps": 3000,  # the paper's are 3,000 to 4,000
            "batch_size": 25,
            "class_start": "identity",  # or "0", or "mean"
            "learning_rate": config_dict.placeholder(float),  # the paper's for the data size
            "rate_factor": 1.0,
            "latent_learning_rate": config_dict.placeholder(float),  # as learning_rate
            "rate_decay": 0.2,
            "rate_decay_steps": 3000,
            "clip_images": True,  # without effect behind tanh
            "latent_noise": 0.01,  # ε; the code's
            "latent_prior_convention": "paper",  # or "code"
            "latent_prior_weight": config_dict.placeholder(float),  # 0.2 (paper), 0.1 (code)
            "latent_prior_samples": 10,  # k = 10 · batch
            "scale_shift_weight": 0.02,  # of (γ - 1)² + β²
            "reconstruction_norm": "l1",
            "perceptual_norm": "l1",
            "perceptual_weight": 0.001,  # the code's, for its scale of VGG16's input
            "perceptual_input": "bsa",  # or "torchvision"
            "ema_decay": 0.0,
            "latent_distribution": "prior",  # or "gaussian", that of the pictures' latents
            "truncation": 0.35,  # of samples; the paper's are 0.3 to 0.4
        }
    )
