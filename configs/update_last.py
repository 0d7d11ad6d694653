"""Reconstruction that trains the generator's last block and output and a latent a picture.

tf-fewshot adapt --config=update_last --data=my_pictures --workdir=runs/mine
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
