"""Several devices that compute a step together, of one process or of several."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .. import splitting
from ..errors import UserError
from .devices import Devices, short_name

# What another process that is gone looks like from here.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class _Values(keras.StatelessScope):
    """Holds what variables were and what they become; as of variables, no gradient passes that."""

    def add_update(self, update):
        variable, value = update
        super().add_update((variable, tf.stop_gradient(value)))


class Replicas(Devices):
    """Several devices, each of which computes a share of every batch.

    Args:
        strategy: A ``MirroredStrategy`` or a ``MultiWorkerMirroredStrategy``.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        self.count = strategy.num_replicas_in_sync
        resolver = strategy.cluster_resolver
        self._task: dict[str, Any] = {}
        if resolver is not None and resolver.task_type:
            self._task = {"type": resolver.task_type, "index": resolver.task_id}
            cluster = resolver.cluster_spec()
            self.workers = sum(cluster.num_tasks(job) for job in cluster.jobs)
            first = "chief" if "chief" in cluster.jobs else "worker"
            self.chief = (resolver.task_type, resolver.task_id) == (first, 0)
        here = strategy.extended.worker_devices
        self.memories = max(1, sum("GPU" in name for name in here))
        self._summed = tf.function(self._sum, [tf.TensorSpec([None], tf.int32)])

    @property
    def said(self) -> str:
        here = ", ".join(map(short_name, self._strategy.extended.worker_devices))
        if self.workers == 1:
            return f"Devices: {self.count} replicas, on {here}."
        me = f"{self._task['type']} {self._task['index']}"
        return (
            f"Devices: {self.count} replicas in {self.workers} processes; this one, {me}, "
            f"computes on {here}{' and writes the run folder' if self.chief else ''}."
        )

    def check(self, batch_size: int) -> None:
        if batch_size % self.count:
            raise UserError(
                f"batch_size={batch_size} cannot be shared evenly by {self.count} replicas: "
                f"choose a multiple of {self.count}, or fewer devices."
            )

    def fed(self, images: np.ndarray) -> Any:
        size = len(images) // self.count

        def own(context: Any) -> tf.Tensor:
            begin = int(context.replica_id_in_sync_group) * size
            return tf.constant(images[begin : begin + size])

        return self._strategy.experimental_distribute_values_from_function(own)

    def run(self, function, images, variables):
        known = {id(v): v for v in variables}
        changed: list[keras.Variable] = []

        @tf.autograph.experimental.do_not_convert
        def in_replica(own):
            context = tf.distribute.get_replica_context()
            place = int(tf.get_static_value(context.replica_id_in_sync_group))
            # What is read on another device is copied there once.
            given = [(v, tf.identity(v._value)) for v in known.values()]
            with splitting.replica(self.count, place), _Values(given) as scope:
                before = dict(scope.state_mapping)
                # Whole numbers of 8 bits are none that devices exchange; these are as exact.
                pictures = splitting.gathered(tf.cast(own, tf.float16))
                numbers, gradients = function(place, pictures)
            after = scope.state_mapping
            unknown = after.keys() - known.keys()
            if unknown:
                raise RuntimeError(f"{len(unknown)} variables change that no checkpoint would hold")
            moved = [v for key, v in known.items() if after[key] is not before[key]]
            changed[:] = moved
            if gradients:
                gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
            values = [self._of_first(context, place, after[id(v)]) for v in moved]
            return numbers, list(gradients), values

        result = self._strategy.run(in_replica, args=(images,))
        numbers, gradients, values = tf.nest.map_structure(self._first, result)
        for variable, value in zip(changed, values, strict=True):
            variable.assign(value)
        return numbers, gradients

    def _of_first(self, context: Any, place: int, value: tf.Tensor) -> tf.Tensor:
        """The first replica's value in all: in others rounding may have ended otherwise."""
        if self.workers == 1 or not value.dtype.is_floating:
            return value
        mine = value if place == 0 else tf.zeros_like(value)
        return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

    def _first(self, value: Any) -> Any:
        return self._strategy.experimental_local_results(value)[0]

    # Between processes -----------------------------------------------------------------

    def agree(self, value: Any) -> Any:
        if self.workers == 1:
            return value
        text = json.dumps(value).encode() if self.chief else b""
        (size,) = self._over_workers(np.array([len(text)], np.int32))
        return json.loads(bytes(self._of_chief(text, int(size))))

    def check_agreed(self, value: Any) -> None:
        # Alone, what was agreed is the value itself, which may have tuples where JSON has lists.
        if self.workers > 1 and not self.every(self.agree(value) == json.loads(json.dumps(value))):
            raise UserError(
                "The workers were started with different settings or pictures: give each the same "
                "command."
            )

    def every(self, true: bool) -> bool:
        if self.workers == 1:
            return true
        return not self._over_workers(np.array([not true], np.int32)).any()

    def same(self, variables: Iterable[keras.Variable]) -> None:
        if self.workers == 1:
            return
        every = list({id(v): v for v in variables}.values())
        mine = [np.asarray(v) for v in every]
        data = self._of_chief(b"".join(v.tobytes() for v in mine), sum(v.nbytes for v in mine))
        for variable, old in zip(every, mine, strict=True):
            new, data = data[: old.nbytes], data[old.nbytes :]
            variable.assign(np.frombuffer(new, old.dtype).reshape(old.shape))

    def check_alike(self, variables: Iterable[keras.Variable], step: int) -> None:
        if self.workers == 1:
            return
        digest = 0
        for variable in variables:
            digest = zlib.crc32(np.ascontiguousarray(variable.numpy()).tobytes(), digest)
        if not self.every(self.agree(digest) == digest):
            raise UserError(
                f"The weights of the workers differ after step {step}: their machines compute "
                "differently. The last checkpoint is kept. Use equal machines, or train with "
                "deterministic."
            )

    def lost(self, error: Exception) -> UserError | None:
        if self.workers == 1 or not isinstance(error, LOST):
            return None
        return UserError(
            "Another worker of this run has ended. The last checkpoint is kept: start every "
            "worker again with the same command, and the run goes on from there."
        )

    def _of_chief(self, data: bytes, size: int) -> memoryview:
        """The chief's bytes in every process, as bit patterns of whole numbers."""
        mine = np.zeros(-(-size // 4) * 4, np.uint8)
        if self.chief:
            mine[:size] = np.frombuffer(data, np.uint8)
        return memoryview(self._over_workers(mine.view(np.int32)).tobytes())[:size]

    def _over_workers(self, values: np.ndarray) -> np.ndarray:
        """The sum over processes of int32 ``[N]``."""
        try:
            return np.asarray(self._summed(tf.constant(values)))
        except LOST as error:
            gone = self.lost(error)
            if gone is None:
                raise
            raise gone from error

    def _sum(self, values: tf.Tensor) -> tf.Tensor:
        def in_replica():
            context = tf.distribute.get_replica_context()
            # Replicas of one process hold the same numbers, which count once.
            first = context.replica_id_in_sync_group % (self.count // self.workers) == 0
            mine = tf.where(first, values, tf.zeros_like(values))
            return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

        return self._first(self._strategy.run(in_replica))
