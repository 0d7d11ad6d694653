"""From the name of a strategy to the devices that it means."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import threading
from collections.abc import Iterator

import tensorflow as tf

from ..errors import UserError, unknown_name
from .devices import ONE, Devices
from .meeting import meet, members
from .replicas import Replicas
from .run_folder import logger

STRATEGIES = ("none", "mirrored", "multi_worker")
WORKER_TIMEOUT = 600.0
"""Seconds to wait for the other workers, unless told otherwise."""


def devices(
    strategy: str | tf.distribute.Strategy = "none",
    replicas: int | None = None,
    worker_timeout: float = WORKER_TIMEOUT,
) -> Devices:
    """Returns the devices that a strategy names.

    Args:
        strategy: "none" is one device. "mirrored" is all GPUs of this machine, or, where there is
            none, parts of its CPU. "multi_worker" is the machines that the environment variable
            TF_CONFIG lists, of which this process is one; it must be asked for before
            TensorFlow has computed anything. A strategy of ``tf.distribute`` is taken as it is.
        replicas: Of "mirrored", how many devices; by default all GPUs, or 2 parts of the CPU.
        worker_timeout: Of "multi_worker", how many seconds to wait for the other workers.

    Raises:
        UserError: if there are no such devices, if it is too late to ask for them, or if other
            workers do not come in time.
    """
    if tf.distribute.has_strategy():
        raise UserError(
            "Variables must not be made in the scope of a strategy here: call this outside of it, "
            "and give it the strategy itself."
        )
    if replicas is not None and strategy != "mirrored":
        raise UserError("replicas is a setting of the strategy 'mirrored'.")
    if not isinstance(strategy, str):
        return Replicas(strategy) if strategy.num_replicas_in_sync > 1 else ONE
    if strategy == "none":
        return ONE
    if strategy == "mirrored":
        return Replicas(_mirrored(tuple(_local(replicas))))
    if strategy == "multi_worker":
        return _multi_worker(worker_timeout)
    raise unknown_name("strategy", strategy, STRATEGIES)


@functools.cache
def _mirrored(names: tuple[str, ...]) -> tf.distribute.Strategy:
    # Two of the same devices would take one another's tensors where graphs are not compiled.
    return tf.distribute.MirroredStrategy(names)


def _local(replicas: int | None) -> list[str]:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        names = [device.name for device in tf.config.list_logical_devices("GPU")]
        if replicas is not None and replicas > len(names):
            raise UserError(f"There are {len(names)} GPUs, not {replicas}.")
        return names[:replicas]
    count = 2 if replicas is None else replicas
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    # Where TensorFlow has begun there are as many as there are.
    with contextlib.suppress(RuntimeError):
        tf.config.set_logical_device_configuration(cpu, parts)
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    if len(names) < count:
        raise UserError(
            f"There is no GPU, and the CPU was not divided into {count} before TensorFlow began to "
            "compute: ask for the strategy first."
        )
    return names[:count]


def _multi_worker(seconds: float) -> Devices:
    try:
        config = json.loads(os.environ.get("TF_CONFIG", ""))
        workers, task = config["cluster"], config["task"]
        job, index = task["type"], int(task["index"])
        known = 0 <= index < len(workers[job])
        everyone = members(workers)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            "The strategy multi_worker needs the environment variable TF_CONFIG, such as "
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
            '"task": {"type": "worker", "index": 0}}, with another index for each process.'
        ) from error
    if not known or set(workers) - {"chief", "worker"}:
        raise UserError(f"TF_CONFIG has no {job} {index}, or other tasks than chief and workers.")
    me = next(member for member in everyone if member.name == f"{job} {index}")
    if len(everyone) > 1:
        meet(everyone, me, seconds, logger().info)
    try:
        with _interruptible(seconds):
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise UserError(
            "The strategy multi_worker must be asked for before TensorFlow computes anything: "
            "give the source by its name or path, and begin with it."
        ) from error
    except tf.errors.OpError as error:
        raise UserError(
            f"TensorFlow could not connect the workers: {error.message} Start every worker again."
        ) from error
    return Replicas(strategy) if strategy.num_replicas_in_sync > 1 else ONE


@contextlib.contextmanager
def _interruptible(seconds: float) -> Iterator[None]:
    """Lets Ctrl-C, and a limit of time, end the process while TensorFlow lets Python do nothing.

    That is the case while it connects the workers. If one of them ends in the second between
    their meeting and that, nothing else would end the others.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    ours = signal.getsignal(signal.SIGALRM) is signal.SIG_DFL and not any(
        signal.getitimer(signal.ITIMER_REAL)
    )
    if ours:
        signal.alarm(max(1, round(seconds)))
    try:
        yield
    finally:
        if ours:
            signal.alarm(0)
        # TensorFlow takes SIGTERM for itself, as a notice for training of its own kind, and whoever
        # sends it would wait for an end that does not come.
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
