"""A miner of the latents first, then miner and generator (MineGAN).

tf-fewshot adapt --config=minegan --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "minegan",
            **adversarial(),
            "miner_steps": 200,  # before the generator moves, too
            "miner_width": 512,
        }
    )
