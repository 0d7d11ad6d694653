"""The quick start with collage: ten toon-heads, a few minutes on two cores.

tf-fewshot adapt --config=quickstart_collage --data=my_pictures --workdir=runs/collage

Expect toon-heads that have the hair of one picture, the shoulders of another and the colours of a
third. It is 2,000 of the method's 4,000 steps, from the source of many domains.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict({"method": "collage", "source": "drawings64", "steps": 2000})
