"""Several devices compute a step together: the results of one device, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tf_fewshot import methods
from tf_fewshot.errors import UserError
from tf_fewshot.training.strategies import devices

from .processes import ROOT, forks


def check_alike(tmp_path: Path, cases: list, eagerly: bool) -> None:
    code = f"from tests.on_devices import main; main({eagerly}, {cases!r})"
    done = forks().python(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}", cwd=tmp_path)
    assert done.code == 0, done.stderr[-3000:]


# The results of one device ----------------------------------------------------------------


def test_two_devices_compute_what_one_does(tmp_path):
    """R1, batch statistics, latents near anchors, likenesses, and what follows logits."""
    cases = [
        (("dcgan", "transfergan"), {"augment": "ada"}),
        (("dcgan", "cdc"), {"consistency_batch": 4}),
    ]
    check_alike(tmp_path, cases, eagerly=True)


@pytest.mark.large
def test_compiled_steps_of_two_devices_are_those_of_one(tmp_path):
    """Group statistics of minibatches, mixed styles and noise, of which R1 takes gradients."""
    check_alike(tmp_path, [(("stylegan2", "transfergan", 2), {})], eagerly=False)


@pytest.mark.large
@pytest.mark.parametrize("method", methods.names())
def test_every_method_is_the_same_on_two_devices(tmp_path, method):
    known = methods.get(method).settings()
    small = {"fisher_samples": 8, "consistency_batch": 4, "probe_steps": 2}
    settings = {k: v for k, v in small.items() if k in known}
    check_alike(tmp_path, [(("dcgan", method), settings)], eagerly=True)


@pytest.mark.large
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_the_same_on_two_devices(tmp_path, dtype):
    check_alike(tmp_path, [(("dcgan", "transfergan", 1, dtype), {})], eagerly=True)


@pytest.mark.large
def test_compiled_half_precision_is_the_same_on_two_devices(tmp_path):
    """Statistics of a batch, which devices exchange, are bfloat16 there."""
    cases = [((name, "transfergan", 1, "mixed_bfloat16"), {}) for name in ("dcgan", "stylegan2")]
    check_alike(tmp_path, cases, eagerly=False)


@pytest.mark.large
def test_four_devices_compute_what_one_does(tmp_path):
    check_alike(tmp_path, [(("dcgan", "transfergan", 1, "float32", 4), {})], eagerly=True)


_RELIED_ON = """
import keras, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
outside = keras.Variable(3.0)

@tf.function
def step():
    def in_replica():
        context = tf.distribute.get_replica_context()
        place = int(tf.get_static_value(context.replica_id_in_sync_group))
        with keras.StatelessScope([(outside, tf.identity(outside._value))]) as scope:
            outside.assign(outside.value + 1.0)
        whole = context.all_gather(tf.constant([float(place)]), 0)
        return scope.get_current_value(outside), whole
    return [strategy.experimental_local_results(v) for v in strategy.run(in_replica)]

values, gathered = step()
assert float(outside) == 3.0 and [float(v) for v in values] == [4.0, 4.0]
assert [g.numpy().tolist() for g in gathered] == [[0.0, 1.0]] * 2

# Why optimizers are applied outside of replicas.
with strategy.scope():
    weight = keras.Variable([0.0])
    optimizer = keras.optimizers.SGD(1.0, clipvalue=1.0)
    optimizer.build([weight])
three = lambda context: [tf.constant([3.0])]
gradients = strategy.experimental_distribute_values_from_function(three)
tf.function(lambda: strategy.run(lambda g: optimizer.apply(g, [weight]), args=(gradients,)))()
assert weight.numpy().tolist() == [-2.0], weight
"""


def test_what_is_relied_on_of_tensorflow_and_keras(tmp_path):
    """Copies of variables in replicas; ``apply`` in replicas clips before it sums."""
    done = forks().python(_RELIED_ON, cwd=tmp_path)
    assert done.code == 0, done.stderr[-3000:]


# What is refused --------------------------------------------------------------------------


def refused(strategy, message: str, **options) -> None:
    with pytest.raises(UserError, match=message):
        devices(strategy, **options)


def test_strategies_that_cannot_be(monkeypatch):
    refused("mirored", "Unknown strategy 'mirored'. Did you mean 'mirrored'")
    refused("none", "replicas is a setting of the strategy 'mirrored'", replicas=2)
    tf.zeros([]).numpy()
    refused("mirrored", "the CPU was not divided into 3 before TensorFlow began", replicas=3)
    for config in ("", "[]", '{"cluster": {"worker": ["a:1"]}}'):
        monkeypatch.setenv("TF_CONFIG", config)
        refused("multi_worker", "needs the environment variable TF_CONFIG")
    cluster = {"cluster": {"worker": ["127.0.0.1:1"]}}
    task = {"type": "worker", "index": 1}
    monkeypatch.setenv("TF_CONFIG", json.dumps({**cluster, "task": task}))
    refused("multi_worker", "has no worker 1")


def test_a_scope_of_ones_own_is_refused(tiny_dcgan, tmp_path):
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with (
        strategy.scope(),
        pytest.raises(UserError, match="outside of it, and give it the strategy"),
    ):
        tff.adapt(tiny_dcgan, np.zeros((2, 16, 16, 3), np.uint8), workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_batch_that_cannot_be_shared_evenly(tmp_path):
    code = """
import sys
from tf_fewshot.errors import UserError
from tf_fewshot.training.strategies import devices
try:
    devices("mirrored", 2).check(5)
except UserError as error:
    sys.exit(str(error))
"""
    done = forks().python(code, cwd=tmp_path)
    assert done.code == 1
