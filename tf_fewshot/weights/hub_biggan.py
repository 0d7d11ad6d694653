"""DeepMind's BigGAN modules: the network that their variables describe, and its values."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from ..backbones.biggan_family import BigGANFamily
from ..backbones.biggan_initial import blank_weights
from ..errors import UserError
from .hub_biggan_names import (
    DEEP,
    PLAIN,
    Kind,
    block,
    norm_channels,
    variable_names,
)
from .hub_graph import (
    Nodes,
    Tables,
    blocks_before_attention,
    stacked_constants,
    statistics_tables,
)

Shapes = Mapping[str, tuple[int, ...]]
Values = dict[str, "Future[tf.Tensor | None]"]

_FIRST = re.compile(r"((?:.*/)?)Generator/(G_Z|GenZ)/G_linear/w")


class Module:
    """The variables of a module, by the names that they have inside it.

    Args:
        shapes: Of every variable.
        read: Gives the value of one.
    """

    def __init__(self, shapes: Shapes, read: Callable[[str], tf.Tensor]):
        firsts = [match for name in shapes if (match := _FIRST.fullmatch(name))]
        if len(firsts) != 1:
            raise UserError("it has no variables of a BigGAN (Generator/G_Z/G_linear/w)")
        self.prefix = firsts[0][1]
        self.kind = DEEP if firsts[0][2] == DEEP.first else PLAIN
        self.shapes = {name.removeprefix(self.prefix): tuple(s) for name, s in shapes.items()}
        self._read = read
        self.averaged = any(name.endswith(self.kind.average) for name in self.shapes)

    def name(self, weight: str) -> str:
        """The variable of a weight: its average, if the module has averages."""
        return weight + self.kind.average if self.averaged else weight

    def shape(self, weight: str) -> tuple[int, ...]:
        """Shape of a weight.

        Raises:
            UserError: if it is missing.
        """
        if self.name(weight) not in self.shapes:
            raise UserError(f"it lacks the variable {self.name(weight)}")
        return self.shapes[self.name(weight)]

    def read(self, name: str) -> tf.Tensor:
        """The value of a variable."""
        return self._read(self.prefix + name)


def build_biggan(module: Module, nodes: Nodes) -> BigGANFamily:
    """Builds the GAN whose sizes the variables tell, with their values.

    Args:
        module: Of either architecture.
        nodes: Of its graph; see :func:`~.hub_graph.read_graph`.

    Raises:
        UserError: if the variables or tables are not exactly those of such a GAN.
    """
    config = _config(module, nodes)
    channels = norm_channels(module.kind, config["channels"])
    tables, faults = _statistics(module, stacked_constants(nodes), channels)
    _refuse(faults, config["resolution"])
    names = variable_names(module.kind, module.name, config, with_statistics=not tables)
    with _reading(module, names.values()) as values:
        with blank_weights():
            gan = module.kind.network(**config, statistics=len(tables[0][0]) if tables else 1)
        assert isinstance(gan, BigGANFamily)
        if tables:
            for norm, (mean, variance) in zip(gan.generator.norms, tables, strict=True):
                norm.moving_mean.assign(mean)
                norm.moving_variance.assign(variance)
        _refuse(_fill(module, names, gan, values), config["resolution"])
    return gan


@contextlib.contextmanager
def _reading(module: Module, names: Iterable[str]) -> Iterator[Values]:
    """Reads variables in the background, as the network takes as long to build as they do."""
    # One thread: more of them keep the one that builds from memory and interpreter.
    with ThreadPoolExecutor(1) as pool:
        try:
            known = [name for name in names if name in module.shapes]
            yield {name: pool.submit(_read_finite, module, name) for name in known}
        finally:
            pool.shutdown(cancel_futures=True)


def _refuse(faults: list[str], resolution: int) -> None:
    if faults:
        more = f" and {len(faults) - 8} more" if len(faults) > 8 else ""
        raise UserError(
            f"what it holds is not a {resolution}-pixel BigGAN: {'; '.join(faults[:8])}{more}"
        )


def _config(module: Module, nodes: Nodes) -> dict[str, Any]:
    kind, shape = module.kind, module.shape
    count = 0
    while module.name(f"{block(count)}/conv0/w") in module.shapes:
        count += 1
    if not count or count % kind.doubling:
        raise UserError(f"it has {count} blocks (Generator/GBlock…)")
    blocks = range(0, count, kind.doubling)
    try:
        channels = [shape(f"{block(i)}/conv0/w")[2] for i in blocks]
        channels.append(shape(f"{block(count - 1)}/{kind.convs[-1]}/w")[3])
        num_classes, class_dim = shape("linear/w")
        first, _ = shape(f"Generator/{kind.first}/G_linear/w")
        theta = "Generator/attention/theta/w"
        width = shape(theta)[2] if module.name(theta) in module.shapes else 0
        to_rgb = shape(f"Generator/{kind.to_rgb}/w")[3]
    except (IndexError, ValueError) as error:
        raise UserError(f"the shapes of its variables are none of a BigGAN ({error})") from error
    resolution = 4 * 2 ** (len(channels) - 1)
    config = {
        "resolution": resolution,
        "channels": [int(c) for c in channels],
        "num_classes": int(num_classes),
        "class_dim": int(class_dim),
        "attention": _attention(kind, channels, width, nodes),
    }
    if kind is DEEP:
        return {**config, "latent_dim": int(first - class_dim), "to_rgb": int(to_rgb)}
    return {**config, "latent_dim": int(first * len(channels))}


def _attention(kind: Kind, channels: list[int], width: int, nodes: Nodes) -> int:
    """Which map attends to itself: the one with as many channels; if several, the graph tells."""
    fitting = [4 * 2**i for i in range(1, len(channels) - 1) if channels[i] == width]
    if width and not fitting:
        raise UserError(f"it attends to a map of {width} channels, and has none but {channels}")
    if len(fitting) < 2:
        return fitting[0] if width else 0
    blocks = (blocks_before_attention(nodes) or 0) // kind.doubling
    if 4 * 2**blocks not in fitting:
        raise UserError(f"which map of {width} channels attends to itself cannot be told")
    return 4 * 2**blocks


def _statistics(
    module: Module, stacks: dict[int, np.ndarray], channels: list[int]
) -> tuple[Tables, list[str]]:
    """The tables, and what is wrong with them; none where variables have the statistics."""
    tables, faults = statistics_tables(stacks, channels)
    accumulated = f"Generator/{module.kind.last_statistics}/accumulated_mean" in module.shapes
    return tables, [] if accumulated and (not stacks or module.kind is PLAIN) else faults


def _fill(module: Module, names: dict[str, str], gan: BigGANFamily, values: Values) -> list[str]:
    variables, faults = gan.variables_by_path(), []
    for path, theirs in names.items():
        shape, wanted = module.shapes.get(theirs), tuple(variables[path].shape)
        if shape is None:
            faults.append(f"missing {theirs}")
        elif [n for n in shape if n != 1] != [n for n in wanted if n != 1]:
            faults.append(f"{theirs} of shape {shape}, not {wanted}")
        elif not faults:
            value = values.pop(theirs).result()
            if value is None:
                faults.append(f"{theirs} with values that are not finite numbers")
            else:
                variables[path].assign(tf.reshape(value, wanted))
    used = set(names.values())
    unexpected = [name for name in module.shapes if name not in used]
    return faults + [f"unexpected {n}" for n in sorted(unexpected) if not _idle(module, n, used)]


def _read_finite(module: Module, name: str) -> tf.Tensor | None:
    """The value in float32; None if not all of it are finite numbers."""
    value = module.read(name)
    if not value.dtype.is_floating:
        return None
    value = tf.cast(value, tf.float32)
    # A sum is finite only if all are, and takes one pass; a sum alone may also overflow.
    finite = tf.math.is_finite(tf.reduce_sum(value)) or tf.reduce_all(tf.math.is_finite(value))
    return value if finite else None


def _idle(module: Module, name: str, used: set[str]) -> bool:
    """Whether it is one of those that only training, or only the tables in the graph, replace.

    The weight whose average is used; the vectors of the second and third singular value;
    the counters of accumulated statistics, and these themselves beside such tables.
    """
    scope, _, last = name.rpartition("/")
    if name == "global_step" or (module.averaged and name + module.kind.average in used):
        return True
    if re.fullmatch(r"u\d", last):
        return f"{scope}/u0" in used
    if last in ("accumulated_mean", "accumulated_var", "accumulation_counter"):
        return re.match(r"Generator/", scope) is not None
    return False
