"""The quick start with BSA: 25 toon-heads, a few minutes on two cores.

tf-fewshot adapt --config=quickstart_bsa --data=my_pictures --workdir=runs/bsa

Expect toon-heads whose hair, skin and clothes are those of the pictures, with blurred faces. It is
800 of the method's 1,000 steps.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict({"method": "bsa", "steps": 800})
