"""Writes a generator for other places to run it, checked by what reads it there.

    tf-fewshot export --adapter=runs/mine/adapter --out=serving/mine
    tf-fewshot export --adapter=runs/mine/adapter --format=onnx --out=exports/mine

The first makes serving/mine/1/ (then 2/, …), a SavedModel for TF-Serving to be served under the
name "mine"; the second exports/mine/mine.onnx, and --format=litert or keras mine.tflite or
mine.keras.
"""

from __future__ import annotations

from absl import flags

from .startup import load_tensorflow

FORMATS = ("savedmodel", "onnx", "litert", "keras")

_ADAPTER = flags.DEFINE_string("adapter", None, "Adapter file, or the folder that holds it.")
_SOURCE = flags.DEFINE_string("source", None, "The adapter's source, or a source to export.")
_OUT = flags.DEFINE_string("out", None, "Folder whose last part is the name of the model.")
_FORMAT = flags.DEFINE_enum("format", "savedmodel", FORMATS, "What to write.")
_VERSION = flags.DEFINE_integer(
    "version", None, "Version of a SavedModel; else the next one.", lower_bound=1
)


def main() -> None:
    from tf_fewshot.errors import UserError

    if not _OUT.value:
        raise UserError("--out is missing: the folder to write to.")
    if not (_ADAPTER.value or _SOURCE.value):
        raise UserError("Give --adapter=FILE (an adapted generator) or --source=NAME.")
    load_tensorflow()
    where = {"version": _VERSION.value, "format": _FORMAT.value}
    if _ADAPTER.value is not None:
        from tf_fewshot.adapted import load_adapter

        print(load_adapter(_ADAPTER.value, _SOURCE.value).exported(_OUT.value, **where))
    elif _SOURCE.value is not None:
        from tf_fewshot import weights
        from tf_fewshot.export import export

        print(export(weights.load(_SOURCE.value), _OUT.value, **where))
