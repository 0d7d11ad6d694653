#!/usr/bin/env bash
# tf2onnx 1.17.0 (TensorFlow 2.21.0, onnx 1.23.2, onnxruntime 1.32.0).
#
# A SavedModel has an operation that ONNX and tf2onnx do not know, Digamma. One expects that
# `python -m tf2onnx.convert` fails: an exit code other than 0, and no file.
#
# Seen: it logs "Unsupported ops: Counter({'Digamma': 1})" as an error, then "Successfully converted",
# writes the file with a node Digamma in ONNX's own domain, and exits with 0. ONNX Runtime refuses
# the file. The functions of tf2onnx.convert return such a model, too, without raising.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1
cd "$folder"
cat >save.py <<'PYTHON'
import tensorflow as tf


class Module(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, "x")])
    def serve(self, x):
        return {"y": tf.math.digamma(2.0 + x * x)}


module = Module()
tf.saved_model.save(module, "model", signatures=module.serve)
PYTHON
cat >load.py <<'PYTHON'
import onnxruntime

try:
    onnxruntime.InferenceSession("model.onnx")
    print("loaded")
except Exception as error:
    print("ONNX Runtime refuses the file:", str(error)[:110])
PYTHON
venv/bin/python -W ignore save.py 2>/dev/null
code=0
venv/bin/python -m tf2onnx.convert --saved-model model --output model.onnx >log.txt 2>&1 || code=$?
grep -E "Unsupported ops|Successfully converted" log.txt
echo "exit code: $code"
seen=$(venv/bin/python load.py)
echo "$seen"
grep -q "ERROR - Unsupported ops: Counter({'Digamma': 1})" log.txt
grep -q "Successfully converted" log.txt
test "$code" = 0
grep -q "^ONNX Runtime refuses the file" <<<"$seen"
