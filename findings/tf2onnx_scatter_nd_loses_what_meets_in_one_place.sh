#!/usr/bin/env bash
# tf2onnx 1.17.0 (TensorFlow 2.21.0, onnx 1.23.2, onnxruntime 1.32.0).
#
# tf.scatter_nd adds up what it puts into the same place (its documentation says so). One expects
# that the converted model does, too, as ScatterND of ONNX can since opset 16 (reduction="add"),
# or that the conversion fails.
#
# Seen: it becomes ScatterND without a reduction, at opset 18, too, which keeps one of the values.
# Nothing is said, and the model runs: it counts 1, 1, 0, 1 where TensorFlow counts 3, 1, 0, 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat >"$folder/case.py" <<'PYTHON'
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx


def counts(places):
    return tf.scatter_nd(places[:, None], tf.ones_like(places, tf.float32), [4])


signature = [tf.TensorSpec([None], tf.int32, "places")]
function = tf.function(counts, input_signature=signature)
model, _ = tf2onnx.convert.from_function(function, signature, opset=18)
(node,) = (node for node in model.graph.node if node.op_type == "ScatterND")
places = np.array([0, 0, 0, 1, 3], np.int32)
session = onnxruntime.InferenceSession(model.SerializeToString())
(converted,) = session.run(None, {"places": places})
print("TensorFlow: ", counts(places).numpy())
print("converted:  ", converted)
print("attributes of ScatterND:", [attribute.name for attribute in node.attribute])
assert counts(places).numpy().tolist() == [3, 1, 0, 1]
assert converted.tolist() == [1, 1, 0, 1]
assert not node.attribute
PYTHON
cd "$folder"
venv/bin/python -W ignore case.py 2>/dev/null
