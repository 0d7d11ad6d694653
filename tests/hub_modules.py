"""Writes BigGAN modules as TF-Hub had them: TensorFlow 1 graphs of raw operations.

Names, shapes and arithmetic are those of the originals; nothing here knows the networks
under test. ``hub.load(path).signatures["default"]`` computes what a module computes.

    python -m tests.hub_modules /tmp/biggan-256    # of full size, to measure loading with
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


@dataclasses.dataclass
class Size:
    """Of a module: channels at 4, 8, … pixels, the map that attends, latents and classes."""

    channels: Sequence[int]
    attention: int
    chunk: int
    classes: int
    class_dim: int
    rows: int = 51


SMALL = Size([16, 16, 8, 8], attention=16, chunk=3, classes=5, class_dim=6)
SMALL_DEEP = Size([16, 8, 4], attention=8, chunk=5, classes=4, class_dim=6)
BIGGAN_256 = Size([1536, 1536, 768, 768, 384, 192, 96], 128, chunk=20, classes=1000, class_dim=128)


def write_module(
    path: Path,
    deep: bool = False,
    size: Size | None = None,
    scope: str = "",
    resource: bool = True,
    averages: bool = True,
    pack: bool = False,
    seed: int = 0,
    form: str = "inside",
    epsilon: float = 1e-4,
    kernels: float = 0.3,
) -> Path:
    """Writes a module.

    Args:
        scope: Put before every name, such as "module/".
        resource: Whether variables are resources, or references.
        averages: Whether weights have averages (and are themselves something else).
        pack: Whether tables of statistics are stacked when the graph runs.
        form: How a power step divides by a length; see ``UNITS``.
        epsilon: Of that.
        kernels: How large raw kernels are.
    """
    size = size or (SMALL_DEEP if deep else SMALL)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        writer = _Writer(size, deep, scope, resource, averages, pack, seed)
        writer.form, writer.epsilon, writer.kernels = form, epsilon, kernels
        writer.graph()
        feeds = {v.initial_value: writer.values[name] for name, v in writer.variables.items()}
        session.run([v.initializer for v in writer.variables.values()], feeds)
        signature = v1.saved_model.predict_signature_def(writer.inputs, {"default": writer.output})
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            session,
            tags=[],
            signature_def_map={"default": signature},
        )
        builder.save()
    (path / "tfhub_module.pb").write_bytes(b"\x08\x03")
    return path


def write_variant(path: Path, module: Path, drop=(), put: Mapping[str, np.ndarray] = {}) -> Path:
    """Writes a module whose checkpoint lacks the variables ``drop``, and holds ``put``."""
    shutil.copytree(module, path, ignore=shutil.ignore_patterns("variables"))
    reader = tf.train.load_checkpoint(str(module / "variables" / "variables"))
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    values = {name: value for name, value in values.items() if name not in drop} | dict(put)
    tf.raw_ops.SaveV2(
        prefix=str(path / "variables" / "variables"),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=[tf.constant(value) for value in values.values()],
    )
    return path


def _squares(x):
    return tf.reduce_sum(tf.square(x), keepdims=True)


# Ways to bring a vector to length 1, as graphs hold them.
UNITS = {
    "inside": lambda x, e: x * tf.math.rsqrt(tf.reduce_sum(x**2, keepdims=True) + e),
    "inside, divided": lambda x, e: x / tf.sqrt(e + tf.reduce_sum(x * x)),
    "outside": lambda x, e: x / (tf.norm(x) + e),
    "least": lambda x, e: x / tf.maximum(tf.sqrt(_squares(x)), e),
    "least, squared": lambda x, e: tf.math.l2_normalize(x, epsilon=e**2),
    "plain": lambda x, e: x / tf.norm(x),
    "plain, inverse": lambda x, e: x * tf.math.rsqrt(_squares(x)),
}


class _Writer:
    form, epsilon, kernels = "inside", 1e-4, 0.3

    def __init__(self, size, deep, scope, resource, averages, pack, seed):
        self.size, self.deep, self.scope = size, deep, scope
        self.resource, self.averages, self.pack = resource, averages, pack
        self.suffix = "/ema_0.9999" if deep else "/ema_b999900"
        self.rng = np.random.default_rng(seed)
        self.values: dict[str, np.ndarray] = {}
        self.variables: dict = {}
        self.stacks = 0

    def variable(self, name, shape):
        with v1.variable_scope("", reuse=v1.AUTO_REUSE):
            variable = v1.get_variable(
                self.scope + name, shape, initializer=v1.zeros_initializer(),
                use_resource=self.resource,
            )  # fmt: skip
        self.variables[name] = variable
        return variable

    def fresh(self, name, shape, scale=1.0, offset=0.0):
        value = offset + scale * self.rng.standard_normal(shape, dtype=np.float32)
        self.values[name] = value.astype(np.float32)
        return self.variable(name, shape)

    def weight(self, name, shape, scale=1.0, offset=0.0):
        """The weight that a module uses: the average, if it has any, beside the last step's."""
        raw = self.fresh(name, shape, scale, offset)
        return self.fresh(name + self.suffix, shape, scale, offset) if self.averages else raw

    def normalised(self, scope, shape):
        w = self.weight(f"{scope}/w", shape, scale=self.kernels)
        u = self.fresh(f"{scope}/u0", (1, shape[-1]))
        for other in ("u1", "u2"):
            self.fresh(f"{scope}/{other}", (1, shape[-1]))
        matrix = tf.reshape(w, [-1, shape[-1]])

        def unit(x):
            return UNITS[self.form](x, self.epsilon)

        v = unit(tf.matmul(u, matrix, transpose_b=True))
        u = unit(tf.matmul(v, matrix))
        sigma = tf.matmul(tf.matmul(v, matrix), u, transpose_b=True)
        return tf.reshape(matrix / tf.squeeze(sigma), shape)

    def conv(self, x, scope, out, k, bias=True):
        y = tf.nn.conv2d(x, self.normalised(scope, (k, k, x.shape[-1], out)), 1, "SAME")
        return y + self.weight(f"{scope}/b", (out,), scale=0.2) if bias else y

    def statistics(self, scope, channels):
        if not self.deep:
            mean = self.fresh(f"{scope}/accumulated_mean", (channels,), 0.3)
            self.fresh(f"{scope}/accumulated_var", (channels,))
            self.values[f"{scope}/accumulated_var"] = self.rng.uniform(0.5, 1.5, channels).astype(
                np.float32
            )
            self.fresh(f"{scope}/accumulation_counter", ())
            return mean, self.variables[f"{scope}/accumulated_var"]
        # As in the original graph, of every five only two are tables.
        i, rows = self.stacks, self.size.rows
        self.stacks += 1
        drawn = []
        for k, low, high in ((1, -0.5, 0.5), (3, 0.5, 1.5)):
            table = self.rng.uniform(low, high, (rows, channels)).astype(np.float32)
            name = f"stack_{5 * i + k}"
            if self.pack:
                table = tf.stack([tf.constant(row) for row in table], name=name)
            else:
                table = tf.constant(table, name=name)
            # Weights of the two nearest rows: the hat function around each.
            at = self.inputs["truncation"] * float(rows - 1)
            hats = tf.nn.relu(1.0 - tf.abs(tf.range(rows, dtype=tf.float32) - at))
            drawn.append(tf.linalg.matvec(table, hats, transpose_a=True))
        tf.stack([1, 2], name=f"stack_{5 * i + 2}")
        return drawn

    def norm(self, x, condition, scope, statistics, names):
        mean, variance = self.statistics(statistics, x.shape[-1])
        x = (x - mean) / tf.sqrt(variance + 1e-4)
        if condition is None:
            shape = (x.shape[-1],) if self.deep else (1, 1, 1, x.shape[-1])
            scale = self.weight(f"{scope}/{names[0]}", shape, 0.1, 0.7)
            return x * scale + self.weight(f"{scope}/{names[1]}", shape, 0.2)
        maps = (condition.shape[-1], x.shape[-1])
        scale, shift = (
            tf.matmul(condition, self.normalised(f"{scope}/{name}", maps))[:, None, None]
            for name in names
        )
        return x * (1 + scale) + shift

    def attention(self, x):
        _, h, w, c = x.shape
        scope = "Generator/attention"
        theta = tf.reshape(self.conv(x, f"{scope}/theta", c // 8, 1, False), [-1, h * w, c // 8])
        phi = tf.nn.max_pool2d(self.conv(x, f"{scope}/phi", c // 8, 1, False), 2, 2, "VALID")
        phi = tf.reshape(phi, [-1, h * w // 4, c // 8])
        weights = tf.nn.softmax(tf.einsum("nqd,nkd->nqk", theta, phi))
        g = tf.nn.max_pool2d(self.conv(x, f"{scope}/g", c // 2, 1, False), 2, 2, "VALID")
        seen = tf.einsum("nqk,nkc->nqc", weights, tf.reshape(g, [-1, h * w // 4, c // 2]))
        seen = self.conv(tf.reshape(seen, [-1, h, w, c // 2]), f"{scope}/o_conv", c, 1, False)
        return x + self.weight(f"{scope}/gamma", (1,), 0.1, 0.8) * seen

    def graph(self):
        size, blocks = self.size, len(self.size.channels) - 1
        width = size.chunk if self.deep else size.chunk * (blocks + 1)
        self.inputs = {
            "z": v1.placeholder(tf.float32, [None, width], "z"),
            "y": v1.placeholder(tf.float32, [None, size.classes], "y"),
            "truncation": v1.placeholder(tf.float32, [], "truncation"),
        }
        # The originals remember the truncation of the last call, for which they assign statistics.
        self.values["prev_truncation"] = np.float32(0.5)
        now, name = self.inputs["truncation"], "prev_truncation"
        with v1.variable_scope("", reuse=v1.AUTO_REUSE):
            before = v1.get_variable(self.scope + name, initializer=0.0, use_resource=True)
        self.variables[name] = before
        with tf.control_dependencies(
            [tf.cond(tf.equal(before, now), tf.no_op, lambda: v1.assign(before, now).op)]
        ):
            z = self.inputs["z"] + 0.0 * now
        y = tf.matmul(self.inputs["y"], self.weight("linear/w", (size.classes, size.class_dim)))
        if self.deep:
            conditions = [tf.concat([z, y], 1)] * (2 * blocks + 1)
        else:
            first, *chunks = tf.split(z, blocks + 1, 1)
            conditions = [first, *(tf.concat([chunk, y], 1) for chunk in chunks)]
        scope = f"Generator/{'GenZ' if self.deep else 'G_Z'}/G_linear"
        shape = (conditions[0].shape[-1], 16 * size.channels[0])
        x = tf.matmul(conditions[0], self.normalised(scope, shape))
        x = tf.reshape(x + self.weight(f"{scope}/b", shape[1:], 0.2), [-1, 4, 4, size.channels[0]])
        for i, condition in enumerate(conditions[1:]):
            scope = "Generator/GBlock" + (f"_{i}" if i else "")
            if self.deep:
                out = size.channels[(i + 1) // 2]
                x = self.deep_block(x, condition, scope, out, i % 2 == 1)
            else:
                x = self.block(x, condition, scope, size.channels[i + 1])
            grown = not self.deep or i % 2 == 1
            if grown and x.shape[1] == size.attention:
                x = self.attention(x)
        if self.deep:
            names = ("Generator/BatchNorm", "Generator/BatchNorm", ("scale", "offset"))
        else:
            scope = "Generator/ScaledCrossReplicaBN"
            names = (scope, scope + "bn", ("gamma", "beta"))
        x = tf.nn.relu(self.norm(x, None, *names))
        out, name = (x.shape[-1], "conv_to_rgb") if self.deep else (3, "conv_2d")
        x = self.conv(x, f"Generator/{name}", out, 3)[..., :3]
        self.output = tf.tanh(x)

    def block(self, x, condition, scope, out):
        h = x
        for k in (0, 1):
            number = f"_{k}" if k else ""
            statistics = f"{scope}/CrossReplicaBN{number}"
            h = self.norm(h, condition, f"{scope}/HyperBN{number}", statistics, ("gamma", "beta"))
            h = tf.nn.relu(h)
            h = doubled(h) if k == 0 else h
            h = self.conv(h, f"{scope}/conv{k}", out, 3)
        return h + self.conv(doubled(x), f"{scope}/conv_sc", out, 1)

    def deep_block(self, x, condition, scope, out, grows):
        narrow, h = x.shape[-1] // 4, x
        for k, (width, size) in enumerate(((narrow, 1), (narrow, 3), (narrow, 3), (out, 1))):
            norm = f"{scope}/BatchNorm" + (f"_{k}" if k else "")
            h = tf.nn.relu(self.norm(h, condition, norm, norm, ("scale", "offset")))
            h = doubled(h) if grows and k == 1 else h
            h = self.conv(h, f"{scope}/conv{k}", width, size)
        x = x[..., : x.shape[-1] // 2] if out != x.shape[-1] else x
        return h + (doubled(x) if grows else x)


def doubled(x):
    size = [2 * x.shape[1], 2 * x.shape[2]]
    return tf.image.resize(x, size, method="nearest")


if __name__ == "__main__":
    write_module(Path(sys.argv[1]), size=BIGGAN_256, averages=False)
