#!/usr/bin/env bash
# prdc 0.2 (NumPy 2.4.6, scikit-learn 1.9.1).
#
# The package computes precision, recall, density and coverage of two sets of features, by the balls
# that reach from each sample to its k-th nearest neighbour. A set against itself has all four at 1,
# whatever lies in it, one expects: each sample is a sample of the other set, exactly.
#
# Seen: that is so only while there are no more than k equal samples. Few pictures that are repeated
# to the number of samples (the usual baseline of learning by heart, and what over-sampled classes
# are) have balls of radius 0, and what lies on the edge of a ball counts as outside: a generator
# that repeats them has a precision, a density and a coverage of 0, without a warning. Recall of
# fewer copies against them is 1. With features whose distances are rounded some of the copies count
# and others do not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    prdc==0.2 numpy==2.4.6 scikit-learn==1.9.1
cat >"$folder/repeated.py" <<'PYTHON'
import numpy as np
import prdc

# Whole numbers, so that distances are exact.
pictures = np.random.default_rng(0).integers(0, 100, (40, 16)).astype(np.float64)


def measured(real, fake):
    return {name: float(value) for name, value in prdc.compute_prdc(real, fake, 5).items()}


different = measured(pictures, pictures)
print("40 pictures against themselves:", different)
assert different["precision"] == different["recall"] == different["coverage"] == 1.0, different

repeated = np.repeat(pictures[:10], 20, axis=0)
against = measured(repeated, repeated)
print("10 pictures, 20 times each, against themselves:", against)
assert set(against.values()) == {0.0}, f"this has changed: {against}"

few = np.repeat(pictures[:10], 3, axis=0)
copies = measured(repeated, few)
print("the same against 3 copies of each:", copies)
assert copies["precision"] == copies["density"] == copies["coverage"] == 0.0, copies
assert copies["recall"] == 1.0, f"this has changed: {copies}"
PYTHON
"$folder/venv/bin/python" "$folder/repeated.py"
echo "Seen: exact copies of repeated pictures have a precision of 0."
