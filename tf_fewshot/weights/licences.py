"""The licences of the weights that are known here, in words and as model hubs name them."""

from __future__ import annotations

from typing import Self


class Licence(str):
    """A licence in words, which is what files and people are told.

    Attributes:
        identifier: How model hubs name the licence of the weights; "other" where they have no
            name for it.
        link: Its text, where hubs have no name for it.
    """

    identifier: str
    link: str | None

    def __new__(cls, words: str, identifier: str = "other", link: str | None = None) -> Self:
        licence = super().__new__(cls, words)
        licence.identifier, licence.link = identifier, link
        return licence


AVATAAARS64 = Licence(
    "Apache 2.0; the drawings it learned from are Avataaars by Pablo Stanley, free for personal "
    "and commercial use",
    "apache-2.0",
)
DRAWINGS64 = Licence(
    "Apache 2.0; the drawings it learned from are 46 styles of DiceBear, most of them CC0 1.0: "
    "NOTICE names the others",
    "apache-2.0",
)
DCGAN_FACES64 = Licence(
    "MIT (gan-face-generate); the pictures it learned from, DigiFace-1M, have their own terms",
    "mit",
)
FACES64 = Licence(
    "MIT (gan-face-generate, whose DCGAN drew what it learned from); the pictures behind it, "
    "DigiFace-1M, have their own terms",
    "mit",
)
BIGGAN = Licence(
    "Apache 2.0 (DeepMind); the pictures they learned from, ImageNet, have their own terms",
    "apache-2.0",
)
PROGAN_HUB = Licence(
    "Apache 2.0 (Google); the pictures it learned from, CelebA, have their own terms",
    "apache-2.0",
)
STYLEGAN = Licence(
    "CC BY-NC 4.0 (NVIDIA; non-commercial use only; https://creativecommons.org/licenses/by-nc/4.0)",
    "cc-by-nc-4.0",
)
PROGAN = Licence(
    "CC BY-NC 4.0 (NVIDIA, Progressive GAN; non-commercial use only; "
    "https://creativecommons.org/licenses/by-nc/4.0)",
    "cc-by-nc-4.0",
)
STYLEGAN2 = Licence(
    "Nvidia Source Code License-NC (non-commercial use only; "
    "https://nvlabs.github.io/stylegan2/license.html)",
    link="https://nvlabs.github.io/stylegan2/license.html",
)
STYLEGAN2_ADA = Licence(
    "Nvidia Source Code License (non-commercial use only; "
    "https://nvlabs.github.io/stylegan2-ada-pytorch/license.html)",
    link="https://nvlabs.github.io/stylegan2-ada-pytorch/license.html",
)
STYLEGAN3 = Licence(
    "NVIDIA Source Code License for StyleGAN3 (non-commercial use only; "
    "https://github.com/NVlabs/stylegan3/blob/main/LICENSE.txt)",
    link="https://github.com/NVlabs/stylegan3/blob/main/LICENSE.txt",
)

# Of files that do not say which of a family's networks they are.
BIGGAN_MODULE = Licence("of DeepMind's BigGAN modules: Apache 2.0", "apache-2.0")
PROGAN_MODULE = Licence("of Google's module of Progressive GAN: Apache 2.0", "apache-2.0")
SNGAN_FILE = Licence("of the code that made them: MIT; none is stated for the weights")
STYLEGAN_FILE = Licence(
    "of NVIDIA's weights: CC BY-NC 4.0; non-commercial use only", "cc-by-nc-4.0"
)
PROGAN_FILE = Licence(
    "of NVIDIA's weights: CC BY-NC 4.0; non-commercial use only, of Progressive GAN", "cc-by-nc-4.0"
)
STYLEGAN2_FILE = Licence("of NVIDIA's weights: Nvidia Source Code License; non-commercial use only")
STYLEGAN3_FILE = Licence(
    "of NVIDIA's weights: NVIDIA Source Code License for StyleGAN3; non-commercial use only"
)

_KNOWN: dict[str, Licence] = {
    value: value for value in list(vars().values()) if isinstance(value, Licence)
}


def licence_of(words: str) -> Licence:
    """The licence of these words, which files note."""
    return _KNOWN.get(words) or Licence(words)
