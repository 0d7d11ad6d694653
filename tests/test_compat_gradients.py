"""Gradients of one's own: the same as TensorFlow's, and graphs that are freed."""

from __future__ import annotations

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops
from tensorflow.python.framework.func_graph import FuncGraph

import tf_fewshot as tff
from tf_fewshot.compat.gradients import custom_gradient, let_graph_be_freed
from tf_fewshot.compat.ordering import updates_stay_in_order
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.layers.resample import downscale2d, upscale2d
from tf_fewshot.training.moves import Moves


@custom_gradient
def cubed(x, weight):
    def gradient(dy):
        return 7.0 * dy * x * weight, tf.reduce_sum(dy * x)

    return weight * x**3, gradient


X = tf.constant([1.0, 2.0])


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_are_those_that_were_given(compiled):
    """By a tape outside of the function, by one inside, and by one inside that is watched."""

    def value(x):
        return tf.reduce_sum(cubed(x, tf.constant(3.0)))

    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = value(x)
        return tape.gradient(y, x)

    wrap = tf.function if compiled else (lambda function: function)
    wrapped, inside = wrap(value), wrap(slope)
    with tf.GradientTape() as tape:
        tape.watch(X)
        y = wrapped(X)
    assert float(y) == 27.0
    np.testing.assert_allclose(tape.gradient(y, X), [21.0, 42.0])
    np.testing.assert_allclose(inside(X), [21.0, 42.0])
    with tf.GradientTape() as tape:
        tape.watch(X)
        y = inside(X)
    np.testing.assert_allclose(tape.gradient(y, X), [21.0, 21.0])


def test_graphs_are_freed_with_what_was_registered_for_them():
    names = set(ops.gradient_registry.list())

    def traced():
        @tf.function
        def function(x):
            return downscale2d(upscale2d(x) ** 2)

        x = tf.ones([1, 4, 4, 2])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        np.testing.assert_allclose(tape.gradient(y, x), 2 * x)
        return weakref.ref(function.get_concrete_function(x).graph)

    graph = traced()
    gc.collect()
    assert graph() is None
    assert set(ops.gradient_registry.list()) <= names


@pytest.mark.parametrize("freed", [False, True])
def test_graphs_of_keras_optimizers_are_freed_if_they_are_let(freed):
    """Without it they stay: once TensorFlow frees them this is not needed any more."""
    weight = keras.Variable(np.ones(3, np.float32))
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build([weight])

    def traced():
        @tf.function
        def step():
            optimizer.apply([weight.value], [weight])
            if freed:
                let_graph_be_freed()

        step()
        return weakref.ref(step.get_concrete_function().graph)

    graph = traced()
    gc.collect()
    assert (graph() is None) == freed
    assert (weight.numpy() < 1.0).all()


def test_a_run_leaves_no_graph_behind(tiny_dcgan, tiny_pictures, tmp_path):
    """What the first leaves is of networks that are kept for the next."""

    def graphs():
        gc.collect()
        return {id(o) for o in gc.get_objects() if isinstance(o, FuncGraph)}

    left = []
    for number in range(3):
        tff.adapt(
            tiny_dcgan,
            tiny_pictures,
            "transfergan",
            workdir=tmp_path / str(number),
            steps=1,
            batch_size=2,
            precision="float32",
        )
        left.append(graphs())
    assert len(left[2]) <= len(left[1])


@pytest.mark.parametrize("before", [True, False])
def test_only_in_there_the_graph_optimizer_leaves_dependencies_alone(before):
    options = tf.config.optimizer.get_experimental_options
    name = "dependency_optimization"
    tf.config.optimizer.set_experimental_options({name: before})
    try:
        with updates_stay_in_order():
            assert options()[name] is False
        assert options()[name] is before
    finally:
        tf.config.optimizer.set_experimental_options({name: True})


def test_steps_are_taken_in_there(monkeypatch):
    seen = []
    moves = Moves([])
    name = "dependency_optimization"
    monkeypatch.setattr(
        moves, "_compiled", lambda *_: seen.append(tf.config.optimizer.get_experimental_options())
    )
    images = np.zeros((2, 16, 16, 3), np.uint8)
    moves.step(Batches(Pictures(images), 2), 0)
    assert [options[name] for options in seen] == [False]
