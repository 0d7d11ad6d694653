"""TF-Hub modules of Progressive GAN: the network that their variables describe.

Source: the names and the layers of TF-GAN's public code
(``tensorflow_gan/examples/progressive_gan``). Its 4 × 4 convolution of a latent is our dense
layer, and its convolutions of doubled maps are our transposed ones, turned round. The code that
made the module google/progan-128 was never published (tensorflow/hub, issue 7): one whose
variables have other names is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...backbones.progan.gan import ProGAN
from ...errors import UserError
from ..porting.faults import listed
from .graph import Nodes

Shapes = Mapping[str, tuple[int, ...]]

_NAME = re.compile(
    r"(.*/)?progressive_gan_block_(\d{1,2})/(conv0|conv1|to_rgb)/(?:conv2d/)?(kernel|bias)"
    r"(/ExponentialMovingAverage)?"
)
_LARGEST = 2048


def is_progan(shapes: Shapes) -> bool:
    """Returns whether variables of these names are those of TF-GAN's Progressive GAN."""
    return any(_NAME.fullmatch(name) for name in shapes)


def build_progan(shapes: Shapes, read: Callable[[list[str]], list[Any]], nodes: Nodes) -> ProGAN:
    """Builds the generator whose sizes the variables tell, with their values.

    Args:
        shapes: Of every variable of the module.
        read: Gives the values of some.
        nodes: Of its graph; see :func:`~.graph.read_graph`.

    Raises:
        UserError: if the variables are not exactly those of such a generator.
    """
    if any(node.op == "Tanh" for node in nodes.values()):
        raise UserError("its pixels go through tanh, which those of a Progressive GAN here do not")
    names = _variables(shapes)
    gan = ProGAN(discriminator=False, **_config(names, shapes))
    own = gan.variables_by_path()
    values = dict(zip(names, map(np.asarray, read(list(names.values()))), strict=True))
    faults = []
    for path, (key, change) in _weights(gan).items():
        wanted = tuple(own[path].shape)
        try:
            value = change(values[key])
        except ValueError:
            value = values[key]
        if value.shape != wanted or not np.isfinite(value).all():
            faults.append(f"{names[key]} of shape {shapes[names[key]]}, which makes no {wanted}")
        else:
            own[path].assign(value.astype(np.float32))
    if faults:
        raise UserError(f"its variables do not fit together: {listed(faults)}")
    return gan


def _variables(shapes: Shapes) -> dict[tuple[int, str, str], str]:
    """The variable of each block, layer and part; its average, if the module has averages."""
    found: dict[tuple[int, str, str], str] = {}
    scopes = {
        m[1] for name in shapes if (m := _NAME.fullmatch(name)) and "iscriminator" not in name
    }
    if len(scopes) != 1:
        raise UserError(f"it has {len(scopes)} generators of a Progressive GAN, not one")
    for name in sorted(shapes, key=len):
        match = _NAME.fullmatch(name)
        if match and match[1] in scopes:
            # The average has the longer name.
            found[int(match[2]), match[3], match[4]] = name
    return found


def _config(names: Mapping[tuple[int, str, str], str], shapes: Shapes) -> dict[str, Any]:
    count = max(block for block, _, _ in names)
    resolution = 2 ** (count + 1)
    wanted = [(i, c, p) for i in range(1, count + 1) for c in ("conv0", "conv1") for p in _PARTS]
    wanted += [(count, "to_rgb", part) for part in _PARTS]
    missing = [f"progressive_gan_block_{i}/{c}/{p}" for i, c, p in wanted if (i, c, p) not in names]
    if missing:
        raise UserError(f"it lacks the variables {listed(missing)}")
    if not 8 <= resolution <= _LARGEST:
        raise UserError(f"its pictures would be {resolution} pixels wide: 8 to {_LARGEST} are read")
    kernels = {key: shapes[name] for key, name in names.items() if key[2] == "kernel"}
    if any(len(shape) != 4 for shape in kernels.values()):
        raise UserError("a kernel in it is none of a convolution")
    return {
        "resolution": resolution,
        "latent_dim": kernels[1, "conv0", "kernel"][2],
        "channels": [kernels[i, "conv1", "kernel"][3] for i in range(1, count + 1)],
        "image_channels": kernels[count, "to_rgb", "kernel"][3],
    }


_PARTS = ("kernel", "bias")


def _weights(gan: ProGAN) -> dict[str, tuple[tuple[int, str, str], Callable[[Any], np.ndarray]]]:
    """The variable that each of our weights is, and how its value is changed."""
    weights = {}
    for path, variable in gan.variables_by_path().items():
        _, scope, *layer, part = path.split("/")
        block = len(gan.config["channels"])
        if scope != "ToRGB":
            block = int(np.log2(int(scope.split("x")[0]))) - 1
        name = layer[0] if layer else ""
        theirs = {"": "to_rgb", "Dense": "conv0", "Conv0_up": "conv0"}.get(name, "conv1")
        change = _same
        if part == "weight" and name in ("Dense", "Conv0_up"):
            change = _dense(tuple(variable.shape)) if name == "Dense" else _turned
        weights[path] = ((block, theirs, "bias" if part == "bias" else "kernel"), change)
    return weights


def _same(value: np.ndarray) -> np.ndarray:
    return value


def _turned(value: np.ndarray) -> np.ndarray:
    return value[::-1, ::-1]


def _dense(shape: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """Of the 4 × 4 convolution of one pixel among zeros."""
    return lambda value: _turned(value).transpose(2, 0, 1, 3).reshape(shape)
