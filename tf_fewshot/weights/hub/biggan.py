"""DeepMind's BigGAN modules: the network that their variables describe, and its values."""

from __future__ import annotations

import contextlib
import functools
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from ...backbones.biggan.family import BigGANFamily
from ...backbones.biggan.initial import Untouched
from ...errors import UserError
from ...layers import given_weights
from .biggan_names import DEEP, PLAIN, Kind, block, norm_channels, variable_names
from .graph import Nodes, Tables, blocks_before_attention, stacked_constants, statistics_tables
from .graph_spectral import spectral_form

Shapes = Mapping[str, tuple[int, ...]]
Read = dict[str, "tf.Tensor | None"]
Values = dict[str, "Future[Read]"]

# Bytes that are read at a time. The network waits for more, and with less each part waits for
# the interpreter, which is busy with the network.
_AT_ONCE = 2**25

# The truncation of the last call, whose statistics the module then assigned.
_LAST_TRUNCATION = "prev_truncation"

_FIRST = re.compile(r"((?:.*/)?)Generator/(G_Z|GenZ)/G_linear/w")


class Module:
    """The variables of a module, by the names that they have inside it.

    Args:
        shapes: Of every variable.
        read: Gives the values of some.
    """

    def __init__(self, shapes: Shapes, read: Callable[[list[str]], list[tf.Tensor]]):
        firsts = [match for name in shapes if (match := _FIRST.fullmatch(name))]
        if len(firsts) != 1:
            raise UserError(
                "it has no variables of a BigGAN (Generator/G_Z/G_linear/w), nor of a Progressive "
                "GAN by TF-GAN's names (progressive_gan_block_1/conv0/kernel); what it has begins "
                f"with {', '.join(sorted(shapes)[:3]) or 'nothing'}"
            )
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

    def read(self, names: list[str]) -> list[tf.Tensor]:
        """The values of variables."""
        return self._read([self.prefix + name for name in names])


def build_biggan(module: Module, nodes: Nodes) -> BigGANFamily:
    """Builds the GAN whose sizes the variables tell, with their values.

    Args:
        module: Of either architecture.
        nodes: Of its graph; see :func:`~.graph.read_graph`.

    Raises:
        UserError: if the variables or tables are not exactly those of such a GAN.
    """
    config = _config(module, nodes)
    channels = norm_channels(module.kind, config["channels"])
    tables, faults = _statistics(module, stacked_constants(nodes), channels)
    _refuse(faults, config["resolution"])
    names = variable_names(module.kind, module.name, config, with_statistics=not tables)
    with _reading(module, names.values()) as values:
        given = _Given(module, names, values)
        with given_weights(given):
            gan = module.kind.network(**config, statistics=len(tables[0][0]) if tables else 1)
        assert isinstance(gan, BigGANFamily)
        _refuse(given.faults + given.unexpected(), config["resolution"])
    if tables:
        for norm, (mean, variance) in zip(gan.generator.norms, tables, strict=True):
            norm.moving_mean.assign(mean)
            norm.moving_variance.assign(variance)
    elif _LAST_TRUNCATION in module.shapes:
        last = _read_finite(module, [_LAST_TRUNCATION])[_LAST_TRUNCATION]
        _say_whose_statistics(0.0 if last is None else float(tf.reshape(last, [])))
    return gan


def _say_whose_statistics(truncation: float) -> None:
    known = f", of truncation {truncation:g}," if 0 < truncation <= 1 else ""
    print(
        "This BigGAN chooses statistics by truncation, and its tables of them were not found: "
        f"those that are stored{known} serve every truncation. accumulate_statistics makes others.",
        file=sys.stderr,
    )


@contextlib.contextmanager
def _reading(module: Module, names: Iterable[str]) -> Iterator[Values]:
    """Reads variables in the background, as the network takes as long to build as they do."""
    # Two, as one alone keeps the network waiting; more of them keep the interpreter from it.
    with ThreadPoolExecutor(2) as pool:
        try:
            known = [name for name in names if name in module.shapes]
            yield {
                name: future
                for some in _parts(known, module.shapes)
                for future in [pool.submit(_read_finite, module, some)]
                for name in some
            }
        finally:
            pool.shutdown(cancel_futures=True)


def _parts(names: list[str], shapes: Shapes) -> Iterator[list[str]]:
    """The names in parts of at most as many bytes as are read at once, or of one name."""
    part: list[str] = []
    size = 0
    for name in names:
        more = 4 * math.prod(shapes[name])
        if part and size + more > _AT_ONCE:
            yield part
            part, size = [], 0
        part.append(name)
        size += more
    if part:
        yield part


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
    seen = spectral_form(nodes)
    if seen is not None:
        config |= {"spectral_form": seen[0], "spectral_epsilon": seen[1]}
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


class _Given:
    """Gives the weights of a network the values of a module's variables while it is built.

    Args:
        names: The variable of each path.
        values: Of every variable that the module has, as they are read.

    Attributes:
        faults: What is wrong with the variables that were asked for. After the first one
            no more values are waited for.
    """

    def __init__(self, module: Module, names: dict[str, str], values: Values):
        self._module, self._names, self._values = module, names, values
        self._used: set[str] = set()
        self.faults: list[str] = []

    def __call__(self, path: str, initializer: Any) -> Any:
        if path not in self._names:
            return initializer
        name = self._names[path]
        self._used.add(name)
        return functools.partial(self._value, name)

    def _value(self, name: str, shape, dtype: str | None = None) -> tf.Tensor:
        theirs = self._module.shapes.get(name)
        if theirs is None:
            self.faults.append(f"missing {name}")
        elif [n for n in theirs if n != 1] != [n for n in shape if n != 1]:
            self.faults.append(f"{name} of shape {theirs}, not {tuple(shape)}")
        elif not self.faults:
            value = self._values[name].result().pop(name)
            if value is not None:
                return value if value.shape == tuple(shape) else tf.reshape(value, shape)
            self.faults.append(f"{name} with values that are not finite numbers")
        return Untouched()(shape, dtype)

    def unexpected(self) -> list[str]:
        """The variables that no weight was read from, and that are not idle."""
        left = sorted(set(self._module.shapes) - self._used)
        return [f"unexpected {n}" for n in left if not _idle(self._module, n, self._used)]


def _read_finite(module: Module, names: list[str]) -> Read:
    """Returns values in float32; None in place of those that are not finite numbers throughout."""
    return {n: _finite(value) for n, value in zip(names, module.read(names), strict=True)}


def _finite(value: tf.Tensor) -> tf.Tensor | None:
    if not value.dtype.is_floating:
        return None
    if value.dtype != tf.float32:
        value = tf.cast(value, tf.float32)
    # As an array that shares its memory: TensorFlow's operations would keep the interpreter from
    # the network. A sum of squares is finite only if all are; it alone may also overflow.
    numbers = np.asarray(memoryview(value)).ravel()
    with np.errstate(all="ignore"):
        finite = np.isfinite(np.dot(numbers, numbers)) or np.isfinite(numbers).all()
    return value if finite else None


def _idle(module: Module, name: str, used: set[str]) -> bool:
    """Returns whether only training needs a variable, or the tables in the graph replace it.

    The weight whose average is used; the vectors of the second and third singular value;
    the counters of accumulated statistics, and these themselves beside such tables; and
    single numbers outside the network, such as the truncation of the last call.
    """
    scope, _, last = name.rpartition("/")
    if not scope and math.prod(module.shapes[name]) == 1:
        return True
    if module.averaged and name + module.kind.average in used:
        return True
    if re.fullmatch(r"u\d", last):
        return f"{scope}/u0" in used
    if last in ("accumulated_mean", "accumulated_var", "accumulation_counter"):
        return re.match(r"Generator/", scope) is not None
    return False
