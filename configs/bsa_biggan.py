"""Batch statistics adaptation of a BigGAN, with the paper's settings: the method's own.

tf-fewshot adapt --config=bsa_biggan --data=my_pictures --workdir=runs/mine

The paper takes 6,000 to 10,000 steps.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict({"method": "bsa_biggan", "source": "biggan-256"})
