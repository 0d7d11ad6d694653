"""Batch statistics adaptation from 25 pictures.

tf-fewshot adapt --config=bsa --data=my_pictures --workdir=runs/mine

On avataaars64 → personas (25 pictures, seed 0) 600 steps give reconstructions with their pictures'
skin, hair, clothes and glasses; with rate_factor=0.2, latents as fast as the rest and
latent_prior_weight=0.001 those of toon-heads all came out in one colour after 1,000 steps.

Measured after 1,000 steps, 1,000 samples against 2,000 unseen pictures (EfficientNet-Lite0,
intra-LPIPS with AlexNet; benchmarks/): adventurer, 25 pictures FID 150.5, intra-LPIPS 0.135, ten
(three seeds) 160 ± 7 and 0.178 ± 0.015; toon-head, 25 pictures, three seeds 138.0 ± 8.1 and
0.106 ± 0.006 (2,000 samples), ten 149 ± 6 and 0.140 ± 0.016; fun-emoji, ten 280 ± 16 and
0.198 ± 0.019. All were before latents of pictures that occur twice in a batch moved by one step of
Adam, which concerns one in nine of their moves with ten pictures, one in fifty with 25.
"""

from ml_collections import ConfigDict, config_dict

from tf_fewshot.configs.shared import latent_table, reconstruction


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "bsa",
            **reconstruction(),
            **latent_table(),
            "class_start": "mean",  # of a source with classes; or "identity", or a number
            "learning_rate": config_dict.placeholder(float),  # the paper's for the data size
            "rate_factor": 0.1,  # times the paper's rate
            "scale_shift_weight": 0.02,  # of (γ - 1)² + β²
        }
    )
