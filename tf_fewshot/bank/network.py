"""The one network that draws all domains of a bank."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..backbones.extensions import Extension, FittedLatents
from ..errors import UserError
from ..layers.by_row import RowFactors, RowValues, given_by_row, matrices_by_row, weights_by_row
from .domain import Domain
from .singular import Decompositions, Factors, kernel_of, path_of
from .tables import Table

# Values and shares of each row, by the path of the weight.
Values = dict[str, tuple[Any, Any]]


class BankNetwork:
    """A source with the layers that domains need, and their weights a row each.

    Args:
        source: In float32, without discriminator; it stays as it is.
        domains: In the order of their numbers, from 1 on.
        kernels: Of the source.

    Attributes:
        source: The source.
        gan: The source with these layers, in which nothing has moved.
        tables: The weights of the domains, by path.
        truncations: What each domain is truncated by unless told otherwise, float32 ``[D]``.
    """

    def __init__(self, source: GAN, domains: Sequence[Domain], kernels: Decompositions):
        self.source = source
        self.extensions = merged_extensions(source, domains)
        self.gan = source.rebuild(extensions=list(self.extensions))
        _keep_fitted(source, self.gan)
        paths = sorted({path for domain in domains for path in domain.weights})
        factored = [kernel for kernel in map(kernel_of, paths) if kernel and kernel in kernels]
        factors = {kernel: kernels.factors(kernel) for kernel in factored}
        self.tables = _tables(self.gan, domains, factors)
        matrices = matrices_by_row(self.gan.generator)
        self._matrices = {path for path in self.tables if path in matrices or kernel_of(path)}
        self._factors = {
            kernel: [
                tf.Variable(part, trainable=False) for part in (own.left, own.right, own.values)
            ]
            for kernel, own in factors.items()
        }
        labels = [None, *(domain.label for domain in domains)]
        self._labels = np.array([-1 if label is None else label for label in labels], np.int32)
        truncations = [None, *(domain.truncation for domain in domains)]
        nothing = source.no_truncation
        self.truncations = np.array(
            [nothing if value is None else value for value in truncations], np.float32
        )

    def chosen(self, z: Any, domains: Any, label: Any = None, truncation: Any = None) -> Any:
        """Images of rows that are each of one domain.

        Args:
            z: float32 ``[N, latent_dim]``, taken as they are.
            domains: int32 ``[N]``.
            label: int32 ``[N]``, classes of the source where rows are of it; None without classes.
            truncation: float32 ``[N]``; None truncates nothing.

        Returns:
            float32 ``[N, H, W, C]``, not clipped.
        """
        return self.drawn(z, self.values(domains), self.label(domains, label), truncation)

    def mixed(self, z: Any, weights: Any, label: Any = None, truncation: Any = None) -> Any:
        """Images of rows between domains; ``weights`` is float32 ``[N, D]``, of sum 1.

        What is in no row of a table, such as the choices of a class, is that of the domain with
        the largest weight.
        """
        label = self.label(tf.argmax(weights, 1, tf.int32), label)
        return self.drawn(z, self.mixed_values(weights), label, truncation)

    # The parts of both, so that a graph that serves both can share the network.

    def values(self, domains: Any) -> Values:
        """What rows of these domains, int32 ``[N]``, have for themselves."""
        return {path: table.chosen(domains) for path, table in self.tables.items()}

    def mixed_values(self, weights: Any) -> Values:
        """What rows between domains, float32 ``[N, D]``, have for themselves."""
        return {path: table.mixed(weights) for path, table in self.tables.items()}

    def label(self, domains: Any, label: Any) -> Any:
        """The classes that the network is told, int32 ``[N]``; None without classes."""
        if not self.gan.num_classes:
            return None
        own = tf.gather(self._labels, domains)
        return tf.where(own < 0, label, own)

    def drawn(self, z: Any, values: Values, label: Any, truncation: Any) -> Any:
        """Images of latents with these weights; see :meth:`chosen`.

        Rows with matrices or singular values of their own are drawn apart: computed with such,
        the others would be rounded otherwise.
        """
        everything = (z, values, label, truncation)
        if not self._matrices:
            return self._drawn(*everything, apart=False)
        shares = [values[path][1] for path in sorted(self._matrices)]
        own = tf.reduce_any(tf.not_equal(shares, 0.0), 0)
        places = [tf.where(rows)[:, 0] for rows in (~own, own)]
        shape = [None, *self.source.image_shape]
        parts = []
        for rows, apart in zip(places, (False, True), strict=True):
            some = tf.nest.map_structure(
                lambda all_rows, rows=rows: None if all_rows is None else tf.gather(all_rows, rows),
                everything,
            )
            draw = functools.partial(self._drawn, *some, apart=apart)
            images = tf.cond(tf.size(rows) > 0, draw, lambda: tf.zeros([0, *shape[1:]]))
            parts.append(tf.ensure_shape(images, shape))
        places = [tf.cast(rows, tf.int32) for rows in places]
        return tf.ensure_shape(tf.dynamic_stitch(places, parts), shape)

    def _drawn(self, z: Any, values: Values, label: Any, truncation: Any, apart: bool) -> Any:
        given: dict[str, RowValues | RowFactors] = {}
        for path, pair in values.items():
            kernel = kernel_of(path)
            if path in self._matrices and not apart:
                continue
            if kernel is None:
                given[path] = RowValues(*pair)
            else:
                left, right, own = self._factors[kernel]
                given[kernel] = RowFactors(left, right, RowValues(*pair).over(own))
        per_row = None if truncation is None else truncation[:, None]
        with given_by_row(given):
            return self.gan.generate(z, label, per_row)


def merged_extensions(source: GAN, domains: Iterable[Domain]) -> tuple[Extension, ...]:
    """The extensions with which one network can draw the source and every domain.

    Raises:
        UserError: if two domains have one of the same name that cannot be one.
    """
    chosen = {extension.name: extension for extension in source.extensions}
    for domain in domains:
        for extension in domain.extensions:
            _check_latents(domain, extension, chosen.values())
            before = chosen.get(extension.name)
            both = extension if before is None else before.merged(extension)
            if both is None:
                raise UserError(
                    f"{domain.name!r} has {extension.words} that no network can have together with "
                    f"those of the bank ({extension} and {before}). Put it into a bank of its own."
                )
            chosen[extension.name] = both
    return tuple(chosen.values())


def _check_latents(domain: Domain, extension: Extension, others: Iterable[Extension]) -> None:
    """Refuses latents that are fitted in another way than those of the bank.

    What is between the two would be a mixture of one with a mixture of the other and the prior.
    """
    for other in others:
        both = isinstance(extension, FittedLatents) and isinstance(other, FittedLatents)
        if both and other.name != extension.name:
            raise UserError(
                f"{domain.name!r} has {extension.words}, and others of the bank have "
                f"{other.words}. Put it into a bank of its own."
            )


def _keep_fitted(source: GAN, gan: GAN) -> None:
    """Gives layers that were made wider the weights that the source has in them."""
    for before in source.extensions:
        after = gan.extension(before.name)
        if after is None or after == before:
            continue
        layers = (g.generator.extensions.layers(before.name) for g in (source, gan))
        for (_, old), (_, new) in zip(*layers, strict=True):
            for a, b in zip(old.weights, new.weights, strict=True):
                b.assign(before.widened(a.numpy(), after))


def _tables(
    gan: GAN, domains: Sequence[Domain], factors: Mapping[str, Factors]
) -> dict[str, Table]:
    known = {path: tuple(v.shape) for path, v in weights_by_row(gan.generator).items()}
    if gan.num_classes:
        known |= {table.table: table.shape for table in gan.class_tables() if table.table in known}
    known |= {path_of(kernel): own.values.shape for kernel, own in factors.items()}
    owners = {
        weight.path: extension
        for extension in gan.extensions
        for _, layer in gan.generator.extensions.layers(extension.name)
        for weight in layer.weights
    }
    columns: dict[str, list[np.ndarray | None]] = {}
    for number, domain in enumerate(domains, 1):
        own = {extension.name: extension for extension in domain.extensions}
        for path, value in domain.weights.items():
            if path not in known:
                raise UserError(
                    f"{domain.name!r} has a weight {path!r} that its source does not have by row. "
                    "The bank may need a newer tf_fewshot."
                )
            owner = owners.get(path)
            if owner is not None and owner.name in own:
                value = own[owner.name].widened(value, owner)
            shape = known[path]
            if value.shape != shape:
                raise UserError(
                    f"{domain.name!r}: the weight {path!r} has the shape {list(value.shape)}, and "
                    f"the network's has {list(shape)}. Take another copy of the bank."
                )
            columns.setdefault(path, [None] * (1 + len(domains)))[number] = value
    return {path: Table.of(path, values) for path, values in columns.items()}
