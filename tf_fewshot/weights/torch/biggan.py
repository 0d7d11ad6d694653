"""BigGAN of the public repository ajbrock/BigGAN-PyTorch, read without torch.

A training leaves a folder of state dicts: ``G.pth``, its average ``G_ema.pth``, ``D.pth``, and
``state_dict.pth`` with the settings of the training, each also as copies (``G_ema_best0.pth``, …).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ...backbones.biggan.deep import BigGANDeep
from ...backbones.biggan.family import BigGANFamily
from ...backbones.biggan.gan import BigGAN
from ...backbones.biggan.initial import blank_weights
from ...errors import UserError
from ...unpickling.values import in_file, told
from ..porting.variables import Variables, accept, filled
from .biggan_names import attention_block, discriminator_names, generator_names
from .biggan_shapes import discriminator_config, generator_config
from .state import State, names_in, read_saved, state_of

_GENERATOR, _DISCRIMINATOR = b".bn1.gain.weight", b"embed.u0"
# As StudioGAN's is called.
_NO_GENERATOR = b".bn1.gain.weight_orig"
_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
# What only training needs; further singular vectors are kept to be looked at.
_IDLE = r".*\.(sv\d+|u[1-9]\d*|accumulation_counter|num_batches_tracked)"
# As the repository's own training begins.
_DEFAULTS = {"BN_eps": 1e-5, "SN_eps": 1e-8}
# As its converter has them, which leaves singular values out.
_CONVERTED = {"BN_eps": 1e-4, "SN_eps": 1e-4}
_PLAIN: dict[str, tuple[Any, ...]] = {
    "norm_style": ("bn",),
    "G_nl": ("relu", "inplace_relu", "ir"),
    "D_nl": ("relu", "inplace_relu", "ir"),
    "G_param": ("SN",),
    "D_param": ("SN",),
}
# Its last normalisation has an epsilon that no setting reaches.
_LAST = 1e-5


def is_biggan_torch(path: str | os.PathLike) -> bool:
    """Returns whether a path is one of these files, or a folder with such a generator."""
    path = Path(path)
    if path.is_dir():
        return any(_is_generator(file) for file in _generators(path))
    names = names_in(path)
    return _is_generator(path) or (_DISCRIMINATOR in names and b".conv_sc.u0" in names)


def read_biggan_torch(path: str | os.PathLike) -> BigGANFamily:
    """Reads a generator, and the discriminator that lies beside it.

    Args:
        path: A generator's file or the folder of a training, of which the averaged generator is
            read, if there is one.

    Returns:
        A BigGAN, with discriminator if there is a ``D.pth`` of the same copy, or a BigGAN-deep,
        whose discriminator is not read. Its ``source_metadata`` has "name", "sha256" (of the
        generator's file) and "licence" (None: the files say nothing of it).

    Raises:
        UserError: if a file is damaged or of another network, or if its variables are not exactly
            those of the architecture.
    """
    path = Path(path)
    file = _chosen(path) if path.is_dir() else path
    if not _is_generator(file):
        raise UserError(
            f"{file} is the discriminator of a BigGAN of PyTorch, and pictures are drawn by its "
            "generator: give G_ema.pth or G.pth of the same training, or the folder of it. The "
            "discriminator beside it is read, too."
        )
    judge, settings = (_beside(file, name) for name in ("D", "state_dict"))
    g = _state(file)
    facts = _facts(settings, g)
    deep = "blocks.0.0.conv4.weight" in g
    if deep and judge is not None:
        print(
            f"{judge} is the discriminator of a BigGAN-deep, which is not read: a new one is made "
            "where it is needed (--fresh_discriminator=true).",
            file=sys.stderr,
        )
    d = None if deep or judge is None else _state(judge)
    gan = _built(file, judge, g, d, facts)
    if path.is_dir():
        gan.source_metadata["name"] = path.resolve().name
    return gan


def _built(
    file: Path, judge: Path | None, g: State, d: State | None, facts: dict[str, float]
) -> BigGANFamily:
    try:
        config, place = generator_config(g)
        config |= {
            "spectral_form": "least",
            "spectral_epsilon": facts["SN_eps"],
            "norm_epsilon": facts["BN_eps"],
            "last_norm_epsilon": _LAST,
        }
    except UserError as error:
        raise in_file(file, error) from error
    if d is not None and judge is not None:
        try:
            config |= discriminator_config(d, config)
        except UserError as error:
            raise in_file(judge, error) from error
    with blank_weights():
        gan = (BigGANDeep if "to_rgb" in config else BigGAN)(**config)
    assert isinstance(gan, BigGANFamily)
    variables, names = gan.variables_by_path(), generator_names(gan, g, place)
    if "shared.weight" not in g:
        # What tells the classes apart without a vector for each: a component for each.
        g["shared.weight"] = np.eye(config["num_classes"], dtype=np.float32)
    faults = filled(Variables(g, _IDLE), names, variables)
    if d is not None:
        blocks = attention_block(d)
        names = discriminator_names(gan, blocks[0] if blocks else None)
        faults += [f"D: {fault}" for fault in filled(Variables(d, _IDLE), names, variables)]
    accept(gan, file, faults, None)
    return gan


def _state(file: Path) -> State:
    try:
        return state_of(read_saved(file), "")
    except UserError as error:
        raise error if str(file) in str(error) else in_file(file, error) from error


# Files ----------------------------------------------------------------------------------------


def _is_generator(file: Path) -> bool:
    names = names_in(file)
    return _GENERATOR in names and _NO_GENERATOR not in names


def _generators(folder: Path) -> list[Path]:
    """The generators of a training's folder: the averaged one first, before its copies."""
    found = [
        file
        for suffix in _SUFFIXES
        for file in sorted(folder.glob(f"G*{suffix}"))
        if not file.name.startswith("G_optim")
    ]
    return sorted(found, key=lambda file: ["G_ema", "G"].index(file.stem) if _whole(file) else 2)


def _whole(file: Path) -> bool:
    return file.stem in ("G_ema", "G")


def _chosen(folder: Path) -> Path:
    files = [file for file in _generators(folder) if _is_generator(file)]
    if not _whole(files[0]) and len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise UserError(
            f"{folder} holds several copies of a generator ({names}): give the path of one."
        )
    return files[0]


def _beside(file: Path, name: str) -> Path | None:
    """The file of the same copy that has ``name`` where this one has "G" or "G_ema"."""
    start = "G_ema" if file.stem.startswith("G_ema") else "G"
    if not file.stem.startswith(start):
        return None
    stem = name + file.stem.removeprefix(start)
    beside = (file.with_name(stem + suffix) for suffix in (file.suffix, *_SUFFIXES))
    return next((path for path in beside if path.is_file()), None)


def _facts(settings: Path | None, g: State) -> dict[str, float]:
    """The epsilons of a training, which its own file of settings says.

    Raises:
        UserError: if that file says that the networks are of what is not read here.
    """
    defaults = _DEFAULTS if any(name.endswith(".sv0") for name in g) else _CONVERTED
    if settings is None:
        return dict(defaults)
    try:
        saved = read_saved(settings)
    except UserError as error:
        print(f"{error} The usual epsilons are taken.", file=sys.stderr)
        return dict(defaults)
    config = saved.get("config") if isinstance(saved, dict) else None
    config = config if isinstance(config, dict) else {}
    for name, known in _PLAIN.items():
        value = config.get(name, known[0])
        if not isinstance(value, str) or value not in known:
            raise UserError(
                f"{settings} says that its BigGAN was trained with {name}={told(value)}, which is "
                f"not read here (only {' or '.join(known)})."
            )
    facts = {name: config.get(name, value) for name, value in defaults.items()}
    for name, value in facts.items():
        if not isinstance(value, float) or not 0 < value < 1:
            raise UserError(f"{settings} has {name}={told(value)}, which is no number above 0.")
    return facts
