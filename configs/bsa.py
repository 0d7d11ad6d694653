"""Batch statistics adaptation from 25 pictures.

tf-fewshot adapt --config=bsa --data=my_pictures --workdir=runs/mine

On avataaars64 → personas (25 pictures, seed 0) 600 steps give reconstructions with their pictures'
skin, hair, clothes and glasses. Faster latents come nearer to their pictures and leave less that is
of the domain between them; benchmarks/README.md has the table.

Measured after 1,000 steps against 2,000 unseen pictures (EfficientNet-Lite0, intra-LPIPS with
AlexNet; benchmarks/): toon-head, 25 pictures, three seeds, 2,000 samples: FID 157.1 ± 0.8,
intra-LPIPS 0.092 ± 0.001. By earlier code, with one style for all layers of a picture, latents at a
rate of 0.1 and 1,000 samples of the prior (latent_distribution="prior", truncation=0.4):
adventurer, 25 pictures, two seeds 164 ± 4 and 0.171 ± 0.005; ten pictures, three seeds, adventurer
160 ± 7 and 0.178 ± 0.015, toon-head 149 ± 6 and 0.140 ± 0.016, fun-emoji 280 ± 16 and 0.198 ±
0.019, these nine before latents of pictures that occur twice in a batch moved by one step of Adam.
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
            "rate_factor": 0.3,  # times the paper's rate
            "scale_shift_weight": 0.02,  # of (γ - 1)² + β²
        }
    )
