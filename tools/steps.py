"""Seconds of a method's step, against the passes through networks that it must do."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from .timing import best_of_each

# How well a start is prepared changes no step: with few samples it takes no minutes.
_QUICKLY = {"fisher_samples": 8, "fisher_cache": False}
_PICTURES = 10


def step_and_passes(
    name: str, source: Any, dtype: str, batch: int, repeats: int
) -> tuple[float, float]:
    """Seconds of a step, and of its passes alone, both the shortest of ``repeats``, in turns.

    The passes are what no implementation of the method can leave out: the losses of all of
    its players, as its cells define them, and their gradients with respect to all that
    moves. So a generated image is made once for both players; frozen networks (VGG16,
    AlexNet, the source of CDC) count as far as a loss reads them. The step adds to that:
    the optimizers, modulated kernels, the averaged generator, the batch of pictures, and
    whatever else the training loop does. Both are without the terms that are due in some
    steps only, such as R1.

    Raises:
        UserError: if the source cannot be trained so.
    """
    import numpy as np
    import tensorflow as tf

    from tf_fewshot import methods
    from tf_fewshot.data.batches import Batches
    from tf_fewshot.data.pictures import Pictures
    from tf_fewshot.errors import UserError
    from tf_fewshot.planning import Plan
    from tf_fewshot.training.assemble import assemble, check_parts, trainer

    rng = np.random.default_rng(0)
    pictures = Pictures(rng.integers(0, 256, (_PICTURES, *source.image_shape), np.uint8))
    method = methods.get(name)
    known = method.settings()
    method = method.with_settings(
        batch_size=batch, **{key: value for key, value in _QUICKLY.items() if key in known}
    )
    method = dataclasses.replace(method, trainable=method.trainable.sketch())
    check_parts(method, source)
    made = Plan(method, source, "benchmark", pictures).problem(dtype, lambda line: None)
    assembly = assemble(method, made)
    if not assembly.players:
        raise UserError("it trains nothing, and so has no steps.")
    batches = Batches(pictures, batch)
    with tempfile.TemporaryDirectory() as folder:
        loop = trainer(assembly, batches, Path(folder))
        for callback in assembly.callbacks:
            callback.on_train_begin()
        at = _whole_step(assembly.players)
        compiled = tf.function(lambda *shown: gradients_of(assembly.players, at, *shown))
        # The values of one output: all of a step is done when it returns.
        step, passes = best_of_each(
            [
                lambda: [np.asarray(v) for v in loop.step(at).values()],
                lambda: compiled(*batches[at])[-1].numpy(),
            ],
            repeats,
        )
    return step, passes


def gradients_of(players, step: int, indices, images, labels) -> list:
    """The gradients of every player's loss with respect to what moves in a step."""
    import tensorflow as tf

    from tf_fewshot.methods.step import Step

    pictures = tf.cast(images, tf.float32) / 127.5 - 1.0
    seen = Step(tf.constant(step), indices, pictures, labels)
    found = []
    for player in players:
        moving = [group for group in player.groups if step >= group.begins]
        tensors = [v.value for group in moving for v in group.targets]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            loss, _ = player.loss(seen)
        gradients = tape.gradient(loss, tensors, unconnected_gradients="zero")
        # That of a table of which a batch takes some rows is no tensor.
        found += [tf.convert_to_tensor(gradient) for gradient in gradients]
    return found


def _whole_step(players) -> int:
    """The first step in which all moves, and nothing that is due in some steps only."""
    step = max([1, *(group.begins for player in players for group in player.groups)])
    while any(p.lazy_interval and step % p.lazy_interval == 0 for p in players):
        step += 1
    return step
