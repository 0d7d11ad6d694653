"""What happens between the flags, which are known to be right, and the work."""

from __future__ import annotations

import importlib
import os
import sys


def load_tensorflow() -> None:
    """Imports TensorFlow without its start-up lines on standard error.

    No setting turns them off, and they tell of nothing that went wrong: which CPU
    instructions and GPUs there are. For after the flags are known to be right.
    """
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        importlib.import_module("tensorflow").get_logger().setLevel("ERROR")
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
