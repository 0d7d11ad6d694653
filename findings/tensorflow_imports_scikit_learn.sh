#!/usr/bin/env bash
# TensorFlow 2.21.0 with Keras 3.15.1 and scikit-learn 1.9.1.
#
# One expects that `import tensorflow` imports what TensorFlow needs, and takes as long whatever else
# is installed.
#
# Seen: importing TensorFlow imports Keras, whose wrappers import scikit-learn, and with it
# scipy.stats, wherever these are installed. Where they are not, nothing is missing. On two cores it
# takes 3.4 instead of 2.4 seconds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${install[@]}" tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1
cat >"$folder/modules.py" <<'PYTHON'
import sys
import time

begun = time.perf_counter()
import tensorflow  # noqa: F401

seconds = time.perf_counter() - begun
print("scikit-learn:", "sklearn" in sys.modules, f"{seconds:.1f} s", file=sys.stderr)
print("sklearn" in sys.modules)
PYTHON
without=$("$folder/venv/bin/python" "$folder/modules.py" 2>"$folder/log")
"${install[@]}" scikit-learn==1.9.1
"$folder/venv/bin/python" "$folder/modules.py" >/dev/null 2>&1 # compiles what was installed
with=$("$folder/venv/bin/python" "$folder/modules.py" 2>>"$folder/log")
grep "scikit-learn:" "$folder/log"
test "$without" = False
test "$with" = True
