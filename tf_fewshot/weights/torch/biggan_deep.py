"""BigGAN-deep of the public repository huggingface/pytorch-pretrained-BigGAN, without torch.

Its files are DeepMind's weights: a state dict (``pytorch_model.bin``) beside a ``config.json``. The
spectral normalisation is PyTorch's own, which keeps both vectors of its last step and takes none in
inference. Between two truncations whose statistics are stored its own code takes each for the
other; the modules of DeepMind do not, and neither is it done here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...backbones.biggan.deep import BigGANDeep
from ...backbones.biggan.initial import blank_weights
from ...errors import UserError
from ...unpickling.values import in_file
from ..licences import BIGGAN_MODULE
from ..porting.variables import Names, Variables, accept, filled, same
from .biggan_names import kernel
from .biggan_shapes import shape
from .state import State, names_in, read_saved, state_of

_SIGN = b"generator.gen_z.weight_orig"
_FILES = ("model.safetensors", "pytorch_model.safetensors", "pytorch_model.bin")
_EPSILON = 1e-4
_ATTENTION = ("theta", "phi", "g", "o_conv")
# Beside the raw weight, what some versions of PyTorch also keep.
_IDLE = r".*\.(gen_z|conv_\w+|scale|offset|snconv1x1_\w+)\.weight"


def is_biggan_deep_torch(path: str | os.PathLike) -> bool:
    """Returns whether a path is such a file, or a folder with one."""
    return _file(Path(path)) is not None


def read_biggan_deep_torch(path: str | os.PathLike) -> BigGANDeep:
    """Reads the generator; no discriminator was ever released.

    Args:
        path: The file, or the folder with it. A ``config.json`` beside it says the epsilon of all
            normalisations, which is 1e-4 without one.

    Returns:
        The GAN, with "name", "sha256" and "licence" in its ``source_metadata``.

    Raises:
        UserError: if the file is damaged, or if its variables are not exactly those of the
            architecture.
    """
    path = Path(path)
    file = _file(path)
    assert file is not None
    try:
        arrays = state_of(read_saved(file), "")
        attention = _attention(arrays)
        blocks = _blocks(arrays)
        config = _config(arrays, blocks, attention, _epsilon(file.parent / "config.json"))
    except UserError as error:
        raise error if str(file) in str(error) else in_file(file, error) from error
    with blank_weights():
        gan = BigGANDeep(**config)
    names = _names(gan, blocks, attention)
    faults = filled(Variables(arrays, _IDLE), names, gan.variables_by_path())
    accept(gan, file, faults, BIGGAN_MODULE)
    if path.is_dir():
        gan.source_metadata["name"] = path.resolve().name
    return gan


def _file(path: Path) -> Path | None:
    files = [path / name for name in _FILES] if path.is_dir() else [path]
    return next((file for file in files if _SIGN in names_in(file)), None)


def _epsilon(path: Path) -> float:
    """What ``config.json`` says of it; all else in it the shapes tell.

    Raises:
        UserError: if there is one that is damaged.
    """
    if not path.is_file():
        return _EPSILON
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        epsilon = float(config.get("eps", _EPSILON))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}, which is beside it, is damaged: get it again") from error
    if not 0 < epsilon < 1:
        raise UserError(f"{path} has eps={epsilon}, which is no number above 0")
    return epsilon


def _blocks(arrays: State) -> list[int]:
    """The places of its blocks among its layers, of which one may be attention."""
    pattern = re.compile(r"generator\.layers\.(\d{1,3})\.conv_0\.weight_orig")
    return sorted(int(match[1]) for name in arrays if (match := pattern.fullmatch(name)))


def _attention(arrays: State) -> int | None:
    """The place of attention among its layers."""
    pattern = re.compile(r"generator\.layers\.(\d{1,3})\.gamma")
    places = [int(match[1]) for name in arrays if (match := pattern.fullmatch(name))]
    if len(places) > 1:
        raise UserError("more maps than one attend to themselves, and one is read")
    return places[0] if places else None


def _config(
    arrays: State, blocks: list[int], attention: int | None, epsilon: float
) -> dict[str, Any]:
    if not blocks or len(blocks) % 2:
        raise UserError(f"it has {len(blocks)} blocks, not two for each size")
    firsts = [shape(arrays, f"generator.layers.{i}.conv_0.weight_orig", 4)[1] for i in blocks]
    last = shape(arrays, f"generator.layers.{blocks[-1]}.conv_3.weight_orig", 4)[0]
    channels = [*firsts[::2], last]
    before = 0 if attention is None else sum(place < attention for place in blocks)
    if before % 2:
        raise UserError("the map that attends to itself is not one that was just doubled")
    outputs, told = shape(arrays, "generator.gen_z.weight_orig", 2)
    class_dim, classes = shape(arrays, "embeddings.weight", 2)
    if outputs != 16 * channels[0] or told <= class_dim:
        raise UserError(
            f"its first layer makes {outputs} numbers of {told}, which does not fit the others"
        )
    return {
        "resolution": 4 * 2 ** (len(channels) - 1),
        "channels": channels,
        "attention": 4 * 2 ** (before // 2) if before else 0,
        "num_classes": classes,
        "class_dim": class_dim,
        "latent_dim": told - class_dim,
        "statistics": shape(arrays, "generator.bn.running_means", 2)[0],
        "to_rgb": shape(arrays, "generator.conv_to_rgb.weight_orig", 4)[0],
        "spectral_form": "least",
        "spectral_pair": True,
        "spectral_epsilon": epsilon,
        "norm_epsilon": epsilon,
        "last_norm_epsilon": epsilon,
    }


def _names(gan: BigGANDeep, blocks: list[int], attention: int | None) -> Names:
    names: Names = {"generator/class_table": ("embeddings.weight", np.transpose)}
    shapes = {path: tuple(v.shape) for path, v in gan.variables_by_path().items()}

    def spectral(ours: str, theirs: str) -> None:
        path = f"generator/{ours}"
        names[f"{path}/kernel"] = (f"generator.{theirs}.weight_orig", kernel)
        names[f"{path}/u"] = (f"generator.{theirs}.weight_u", _row)
        names[f"{path}/v"] = (f"generator.{theirs}.weight_v", _inputs(shapes[f"{path}/kernel"]))
        if f"{path}/bias" in shapes:
            names[f"{path}/bias"] = (f"generator.{theirs}.bias", same)

    def statistics(ours: str, theirs: str) -> None:
        names[f"generator/{ours}/moving_mean"] = (f"generator.{theirs}.running_means", same)
        names[f"generator/{ours}/moving_variance"] = (f"generator.{theirs}.running_vars", same)

    spectral("G_linear", "gen_z")
    for i, place in enumerate(blocks):
        for k in range(4):
            norm = f"layers.{place}.bn_{k}"
            spectral(f"GBlock_{i}/norm{k}/gamma", f"{norm}.scale")
            spectral(f"GBlock_{i}/norm{k}/beta", f"{norm}.offset")
            statistics(f"GBlock_{i}/norm{k}", norm)
            spectral(f"GBlock_{i}/conv{k}", f"layers.{place}.conv_{k}")
    if attention is not None:
        for part in _ATTENTION:
            spectral(f"attention/{part}", f"layers.{attention}.snconv1x1_{part}")
        names["generator/attention/gamma"] = (f"generator.layers.{attention}.gamma", _number)
    names["generator/norm/gamma"] = ("generator.bn.weight", same)
    names["generator/norm/beta"] = ("generator.bn.bias", same)
    statistics("norm", "bn")
    spectral("to_rgb", "conv_to_rgb")
    return names


def _inputs(sizes: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """A vector with a number for each input of a kernel of these sizes, as the kernel lies here."""
    if len(sizes) < 4:
        return _row
    height, width, channels, _ = sizes
    return lambda value: value.reshape(channels, height, width).transpose(1, 2, 0).reshape(1, -1)


def _row(value: np.ndarray) -> np.ndarray:
    return value.reshape(1, -1)


def _number(value: np.ndarray) -> np.ndarray:
    return value.reshape(())
