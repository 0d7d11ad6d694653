"""Reconstruction that trains the generator's last block and output and a latent a picture.

tf-fewshot adapt --config=update_last --data=my_pictures --workdir=runs/mine

Measured by earlier code, of one style for all layers of a picture, on avataaars64 → adventurer (25
pictures, seeds 0 and 1, 1,000 steps; 1,000 samples of the prior at truncation 0.4 against 2,000
unseen pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures): FID
176 ± 3, KMMD 0.338, intra-LPIPS 0.151; BSA's 164 ± 4, 0.324 and 0.171.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import latent_table, reconstruction


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "update_last",
            **reconstruction(),
            **latent_table(),
            "learning_rate": 0.01,
            "rate_factor": 1.0,  # of the paper's rate, if learning_rate is None
            "generator_part": "last",  # or "first" or "all"
        }
    )
