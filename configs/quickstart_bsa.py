"""The quick start with BSA: 25 toon-heads, a few minutes on two cores.

tf-fewshot adapt --config=quickstart_bsa --data=my_pictures --workdir=runs/bsa
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict({"method": "bsa", "source": "avataaars64", "steps": 600})
