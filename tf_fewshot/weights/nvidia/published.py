"""Where NVIDIA publishes networks of Progressive GAN and of the StyleGANs.

Source: the public repositories tkarras/progressive_growing_of_gans (``README.md``), NVlabs/stylegan
(``README.md``), NVlabs/stylegan2 (``pretrained_networks.py``), NVlabs/stylegan2-ada-pytorch
(``README.md``, ``train.py``) and NVlabs/stylegan3 (``README.md``, which names the files and where
they are); SHA-256 sums are not published. Those of the first two are on Google Drive, which
refuses to give files that were asked for too often in a day.
"""

from __future__ import annotations

import dataclasses

from ...downloads.files import WebFile
from .. import licences

_DRIVE = "https://drive.usercontent.google.com/download"
_HOST = "https://nvlabs-fi-cdn.nvidia.com"
_STYLEGAN2 = f"{_HOST}/stylegan2/networks"
_ADA = f"{_HOST}/stylegan2-ada-pytorch/pretrained"
_TRANSFER = f"{_ADA}/transfer-learning-source-nets"
_STYLEGAN3 = "https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan3/versions/1/files"
_LICENCES = {
    _DRIVE: licences.STYLEGAN,
    _STYLEGAN2: licences.STYLEGAN2,
    _ADA: licences.STYLEGAN2_ADA,
    _STYLEGAN3: licences.STYLEGAN3,
}


@dataclasses.dataclass(frozen=True)
class Published:
    """One of NVIDIA's networks: the file, the size of its pictures, and what it draws."""

    file: WebFile
    resolution: int
    about: str
    architecture: str = "stylegan2"


def _published(url: str, resolution: int, about: str) -> Published:
    licence = next(text for start, text in _LICENCES.items() if url.startswith(start))
    whole = f"{about}, {resolution} x {resolution}, with its discriminator"
    return Published(WebFile(url, licence), resolution, whole)


def _first(identity: str, name: str, resolution: int, about: str) -> Published:
    """A network of version 1, by the identity of its file on Google Drive and its name."""
    url = f"{_DRIVE}?id={identity}&export=download&confirm=t"
    file = WebFile(url, _LICENCES[_DRIVE], name=f"karras2019stylegan-{name}.pkl")
    whole = f"StyleGAN of {about}, {resolution} x {resolution}, with its discriminator"
    return Published(file, resolution, whole, "stylegan")


def _third(kind: str, name: str, resolution: int, about: str) -> tuple[str, Published]:
    """A network of version 3, of config T or R, with the name of its preset."""
    url = f"{_STYLEGAN3}/stylegan3-{kind}-{name}-{resolution}x{resolution}.pkl"
    whole = f"StyleGAN3-{kind.upper()} of {about}, {resolution} x {resolution}, with its "
    file = WebFile(url, _LICENCES[_STYLEGAN3])
    preset = f"stylegan3-{kind}-{name}-{resolution}"
    return preset, Published(file, resolution, f"{whole}discriminator", "stylegan3")


PUBLISHED: dict[str, Published] = {
    "progan-celebahq-1024": Published(
        WebFile(
            f"{_DRIVE}?id=188K19ucknC6wg1R6jbuPEhTq9zoufOx4&export=download&confirm=t",
            licences.PROGAN,
            name="karras2018iclr-celebahq-1024x1024.pkl",
        ),
        1024,
        "Progressive GAN of faces (CelebA-HQ), 1024 x 1024, with its discriminator",
        "progan",
    ),
    "stylegan-ffhq-1024": _first(
        "1MEGjdvVpUsu1jB4zrXZN7Y4kBBOzizDQ", "ffhq-1024x1024", 1024, "faces (FFHQ)"
    ),
    "stylegan-celebahq-1024": _first(
        "1MGqJl28pN4t7SAtSrPdSRJSQJqahkzUf", "celebahq-1024x1024", 1024, "faces (CelebA-HQ)"
    ),
    "stylegan-bedroom-256": _first(
        "1MOSKeGF0FJcivpBI7s63V9YHloUTORiF", "bedrooms-256x256", 256, "bedrooms (LSUN)"
    ),
    "stylegan-car-512": _first(
        "1MJ6iCfNtMIRicihwRorsM3b7mmtmK9c3", "cars-512x384", 512, "cars (LSUN; rows 64 to 447)"
    ),
    "stylegan-cat-256": _first(
        "1MQywl0FNt6lHu8E_EUqnRbviagS7fbiJ", "cats-256x256", 256, "cats (LSUN)"
    ),
    "stylegan2-ffhq-1024": _published(
        f"{_STYLEGAN2}/stylegan2-ffhq-config-f.pkl", 1024, "StyleGAN2 of faces (FFHQ)"
    ),
    "stylegan2-car-512": _published(
        f"{_STYLEGAN2}/stylegan2-car-config-f.pkl", 512, "StyleGAN2 of cars (LSUN; rows 64 to 447)"
    ),
    "stylegan2-cat-256": _published(
        f"{_STYLEGAN2}/stylegan2-cat-config-f.pkl", 256, "StyleGAN2 of cats (LSUN)"
    ),
    "stylegan2-church-256": _published(
        f"{_STYLEGAN2}/stylegan2-church-config-f.pkl", 256, "StyleGAN2 of churches (LSUN)"
    ),
    "stylegan2-horse-256": _published(
        f"{_STYLEGAN2}/stylegan2-horse-config-f.pkl", 256, "StyleGAN2 of horses (LSUN)"
    ),
    "stylegan2-ffhq-256": _published(
        f"{_TRANSFER}/ffhq-res256-mirror-paper256-noaug.pkl", 256, "StyleGAN2 of faces (FFHQ)"
    ),
    "stylegan2-ffhq-512": _published(
        f"{_TRANSFER}/ffhq-res512-mirror-stylegan2-noaug.pkl", 512, "StyleGAN2 of faces (FFHQ)"
    ),
    "stylegan2-celebahq-256": _published(
        f"{_TRANSFER}/celebahq-res256-mirror-paper256-kimg100000-ada-target0.5.pkl",
        256,
        "StyleGAN2-ADA of faces (CelebA-HQ)",
    ),
    "stylegan2-dog-256": _published(
        f"{_TRANSFER}/lsundog-res256-paper256-kimg100000-noaug.pkl", 256, "StyleGAN2 of dogs (LSUN)"
    ),
    "stylegan2-metfaces-1024": _published(
        f"{_ADA}/metfaces.pkl", 1024, "StyleGAN2-ADA of faces in art (MetFaces)"
    ),
    "stylegan2-afhqcat-512": _published(f"{_ADA}/afhqcat.pkl", 512, "StyleGAN2-ADA of cats (AFHQ)"),
    "stylegan2-afhqdog-512": _published(f"{_ADA}/afhqdog.pkl", 512, "StyleGAN2-ADA of dogs (AFHQ)"),
    "stylegan2-afhqwild-512": _published(
        f"{_ADA}/afhqwild.pkl", 512, "StyleGAN2-ADA of wild animals (AFHQ)"
    ),
    "stylegan2-brecahad-512": _published(
        f"{_ADA}/brecahad.pkl", 512, "StyleGAN2-ADA of breast cancer tissue (BreCaHAD)"
    ),
    "stylegan2-cifar10-32": _published(
        f"{_ADA}/cifar10.pkl", 32, "StyleGAN2-ADA of CIFAR-10's ten classes"
    ),
    **dict(
        _third(kind, *network)
        for kind in ("t", "r")
        for network in (
            ("ffhq", 1024, "faces (FFHQ)"),
            ("ffhqu", 1024, "faces (FFHQ), not aligned"),
            ("ffhqu", 256, "faces (FFHQ), not aligned"),
            ("metfaces", 1024, "faces in art (MetFaces)"),
            ("metfacesu", 1024, "faces in art (MetFaces), not aligned"),
            ("afhqv2", 512, "cats, dogs and wild animals (AFHQv2)"),
        )
    ),
}
