"""StyleGAN2's variables under the names of its TensorFlow code, whatever file they are from.

Every reader describes its format as :class:`Variables`: how it calls a variable of
NVIDIA's TensorFlow networks, and how that is laid out there. The configuration, the
assignment to our networks and the account of what is missing or left over are shared.
Source: the public repositories NVlabs/stylegan2 and stylegan2-ada (names and layouts).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..backbones.stylegan2 import StyleGAN2
from ..errors import UserError
from .download import sha256_of

_LARGEST = 2048


class Variables:
    """The variables of one network.

    Args:
        arrays: By the name in the file.
        ignored: What the file may hold besides the network's own variables.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], ignored: str = r"(?!)"):
        self.arrays, self.ignored = arrays, re.compile(ignored)

    def name(self, tf_name: str) -> str:
        """What the file calls the variable."""
        return tf_name

    def layout(self, tf_name: str, value: np.ndarray) -> np.ndarray:
        """The value laid out as in NVIDIA's TensorFlow networks."""
        del tf_name
        return value

    def get(self, tf_name: str) -> np.ndarray | None:
        """The variable in TensorFlow's layout; None if it is not there, or of no such rank."""
        value = self.arrays.get(self.name(tf_name))
        try:
            return None if value is None else self.layout(tf_name, value)
        except (ValueError, IndexError):
            return None

    def shape(self, tf_name: str, *expected: int | None) -> tuple[int, ...]:
        """The shape of a variable, in which the ``expected`` numbers are given.

        Raises:
            UserError: if it is missing or has another shape.
        """
        value = self.get(tf_name)
        if value is None:
            # Of another rank: told with its own shape.
            value = self.arrays.get(self.name(tf_name))
        if value is None:
            raise UserError(f"it lacks {self.name(tf_name)}")
        fits = len(value.shape) == len(expected) and all(
            size > 0 and wanted in (None, size)
            for size, wanted in zip(value.shape, expected, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if e is None else str(e) for e in expected)
            raise UserError(
                f"{self.name(tf_name)} has the shape {value.shape}, which does not fit the others "
                f"(laid out as ({wanted}) in TensorFlow)"
            )
        return value.shape

    def count(self, pattern: str) -> int:
        """How many of ``pattern`` with 0, 1, … in place of {} there are in a row."""
        n = 0
        while self.name(pattern.format(n)) in self.arrays:
            n += 1
        return n

    def __contains__(self, tf_name: str) -> bool:
        return self.name(tf_name) in self.arrays


def generator_config(g: Variables) -> dict[str, Any]:
    """What the shapes of the generator's variables say of the architecture.

    They are checked against each other first, so that what is then built is no larger
    than what was read.

    Raises:
        UserError: if they do not make a StyleGAN2.
    """
    const = g.shape("synthesis/4x4/Const/const", 1, None, 4, 4)[1]
    channels = [g.shape("synthesis/4x4/Conv/weight", 3, 3, const, None)[3]]
    for r in _resolutions(g, "synthesis/{0}x{0}/Conv1/weight"):
        c = g.shape(f"synthesis/{r}x{r}/Conv0_up/weight", 3, 3, channels[-1], None)[3]
        g.shape(f"synthesis/{r}x{r}/Conv1/weight", 3, 3, c, c)
        channels.append(c)
    resolution = 2 ** (len(channels) + 1)
    top = f"{resolution}x{resolution}"
    w_dim = g.shape("synthesis/4x4/Conv/mod_weight", None, const)[0]
    layers = g.count("mapping/Dense{}/weight")
    first, width = g.shape("mapping/Dense0/weight", None, None)
    for i in range(1, layers):
        g.shape(f"mapping/Dense{i}/weight", width, w_dim if i == layers - 1 else width)
    labels = {}
    if "mapping/LabelConcat/weight" in g:
        classes, dim = g.shape("mapping/LabelConcat/weight", None, None)
        labels = {"num_classes": classes, "conditioning": "concat", "label_dim": dim}
    elif "mapping/LabelEmbed/weight" in g:
        classes, dim = g.shape("mapping/LabelEmbed/weight", None, None)
        labels = {"num_classes": classes, "conditioning": "embed", "label_dim": dim}
    latent_dim = first - labels.get("label_dim", 0)
    if latent_dim < 1 or (layers == 1 and width != w_dim):
        raise UserError("the sizes of its mapping network do not fit together")
    architecture = "orig"
    if "synthesis/4x4/ToRGB/weight" in g:
        architecture = "skip"
    elif f"synthesis/{top}/Skip/weight" in g:
        architecture = "resnet"
    return {
        "resolution": resolution,
        "latent_dim": latent_dim,
        "w_dim": w_dim,
        "mapping_layers": layers,
        "mapping_width": width if layers > 1 else None,
        "channels": channels,
        "const_channels": const,
        "image_channels": g.shape(f"synthesis/{top}/ToRGB/weight", 1, 1, channels[-1], None)[3],
        "g_architecture": architecture,
        "use_noise": "synthesis/noise0" in g,
        **labels,
    }


def discriminator_config(d: Variables, config: Mapping[str, Any]) -> dict[str, Any]:
    """The same of the discriminator of a generator of this ``config``."""
    resolution = config["resolution"]
    c = d.shape("4x4/Conv/weight", 3, 3, None, None)[3]
    channels = [c]
    for r in _resolutions(d, "{0}x{0}/Conv0/weight"):
        c = d.shape(f"{r}x{r}/Conv1_down/weight", 3, 3, None, channels[-1])[2]
        d.shape(f"{r}x{r}/Conv0/weight", 3, 3, c, c)
        channels.append(c)
    if len(channels) != len(config["channels"]):
        raise UserError(
            f"its generator makes {resolution} pixels, its discriminator sees "
            f"{2 ** (len(channels) + 1)}"
        )
    size = f"{resolution}x{resolution}"
    d.shape(f"{size}/FromRGB/weight", 1, 1, config["image_channels"], channels[-1])
    dense = d.shape("4x4/Dense0/weight", 16 * channels[0], None)[1]
    outputs = d.shape("Output/weight", dense, None)[1]
    found: dict[str, Any] = {}
    classes = config.get("num_classes", 0)
    if "LabelEmbed/weight" in d:
        _, dim = d.shape("LabelEmbed/weight", classes, outputs)
        found = {"d_label_dim": dim, "d_mapping_layers": d.count("Mapping{}/weight")}
        for i in range(found["d_mapping_layers"]):
            d.shape(f"Mapping{i}/weight", dim, dim)
    elif outputs != (max(classes, 1) if config.get("conditioning") == "concat" else 1):
        raise UserError(
            f"its generator has {classes} classes, and its discriminator gives {outputs} scores"
        )
    architecture = "orig"
    if "4x4/FromRGB/weight" in d:
        architecture = "skip"
    elif f"{size}/Skip/weight" in d:
        architecture = "resnet"
    return {
        "discriminator_channels": channels,
        "dense_channels": dense,
        "d_architecture": architecture,
        **found,
    }


def _resolutions(variables: Variables, pattern: str) -> list[int]:
    found = [8]
    while pattern.format(found[-1]) in variables:
        found.append(2 * found[-1])
    if len(found) == 1:
        raise UserError(f"it lacks {variables.name(pattern.format(8))}")
    if found[-2] > _LARGEST:
        raise UserError(f"its pictures would be {found[-2]} pixels wide: at most {_LARGEST}")
    return found[:-1]


def assembled(
    path: Path,
    generator: Variables,
    discriminator: Variables | None,
    settings: Mapping[str, Any],
    licence: str | None,
) -> StyleGAN2:
    """Builds the GAN and gives it its weights.

    Args:
        path: The file, for errors and ``source_metadata``.
        generator, discriminator: Their variables; a GAN may have no discriminator.
        settings: Of the configuration, what shapes do not say.
        licence: Of the weights.

    Raises:
        UserError: if the variables are not exactly those of a StyleGAN2; all that are
            missing, unexpected, of another shape or not finite are named.
    """
    try:
        config = {**generator_config(generator), **settings}
        if discriminator is not None:
            config |= discriminator_config(discriminator, config)
        gan = StyleGAN2(**config)
    except UserError as error:
        raise UserError(f"{path} does not hold a StyleGAN2 that is read here: {error}.") from error
    variables = gan.variables_by_path()
    faults = _filled(generator, _generator_names(gan), variables)
    if discriminator is None:
        gan.discriminator = None
    else:
        faults += _filled(discriminator, _discriminator_names(gan), variables)
    if faults:
        more = f" and {len(faults) - 8} more" if len(faults) > 8 else ""
        raise UserError(
            f"The variables in {path} are not those of a {gan.image_shape[0]}-pixel StyleGAN2: "
            f"{'; '.join(faults[:8])}{more}."
        )
    gan.source_metadata = {
        "name": path.name,
        "sha256": sha256_of(path),
        "fingerprint": gan.fingerprint(),
        "licence": licence,
    }
    return gan


Names = dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]]


def _same(value: np.ndarray) -> np.ndarray:
    return value


def _channels_last(value: np.ndarray) -> np.ndarray:
    return value.transpose(0, 2, 3, 1)


def _generator_names(gan: StyleGAN2) -> Names:
    """The TensorFlow network's name of each of our variables, and what is done to it."""
    names: Names = {}
    for path in gan.variables_by_path():
        network, _, rest = path.partition("/")
        if network != "generator":
            continue
        change, theirs = _same, f"synthesis/{rest}"
        if rest == "w_avg":
            theirs = "dlatent_avg"
        elif rest.startswith("mapping/"):
            theirs = rest
        elif rest == "4x4/const":
            theirs, change = "synthesis/4x4/Const/const", _channels_last
        elif rest.startswith("noise"):
            change = _channels_last
        elif rest.startswith("ToRGB/"):
            _, size, part = rest.split("/", 2)
            theirs = f"synthesis/{size}/ToRGB/{part}"
        names[path] = (theirs.replace("Modulation/", "mod_"), change)
    return names


def _discriminator_names(gan: StyleGAN2) -> Names:
    last = gan.config["discriminator_channels"][0]

    def rows(value: np.ndarray) -> np.ndarray:
        # Flattened as channels, height, width there.
        return value.reshape(last, 4, 4, -1).transpose(1, 2, 0, 3).reshape(16 * last, -1)

    names: Names = {}
    for path in gan.variables_by_path():
        network, _, rest = path.partition("/")
        if network != "discriminator":
            continue
        theirs = rest
        if rest.startswith("FromRGB/"):
            _, size, part = rest.split("/")
            theirs = f"{size}/FromRGB/{part}"
        elif rest.startswith("mapping/"):
            theirs = rest.removeprefix("mapping/").replace("Dense", "Mapping")
        theirs = theirs.replace("4x4/Output/", "Output/")
        names[path] = (theirs, rows if rest == "4x4/Dense0/weight" else _same)
    return names


def _filled(theirs: Variables, names: Names, variables: Mapping[str, Any]) -> list[str]:
    faults, used = [], set()
    for path, (tf_name, change) in names.items():
        name, wanted = theirs.name(tf_name), tuple(variables[path].shape)
        used.add(name)
        stored = theirs.arrays.get(name)
        if stored is None:
            faults.append(f"missing {name}")
            continue
        value = theirs.get(tf_name)
        try:
            value = None if value is None else change(value)
        except ValueError:
            value = None
        if value is None or value.shape != wanted:
            faults.append(f"{name} of shape {stored.shape}, which makes no {wanted}")
        elif not np.isfinite(value).all():
            faults.append(f"{name} with values that are not finite")
        else:
            variables[path].assign(value.astype(np.float32))
    for name in sorted(set(theirs.arrays) - used):
        if not theirs.ignored.fullmatch(name):
            faults.append(f"unexpected {name}")
    return faults
