"""Writes a SavedModel for TF-Serving, checked by TensorFlow's own loaders.

    tf-fewshot export --adapter=runs/mine/adapter --out=serving/mine

makes serving/mine/1/ (then 2/, …), to be served under the name "mine".
"""

from __future__ import annotations

from absl import flags

from .startup import load_tensorflow

_ADAPTER = flags.DEFINE_string("adapter", None, "Adapter file, or the folder that holds it.")
_SOURCE = flags.DEFINE_string("source", None, "The adapter's source, or a source to export.")
_OUT = flags.DEFINE_string("out", None, "Folder whose last part is the name of the model.")
_VERSION = flags.DEFINE_integer("version", None, "Version; else the next one.", lower_bound=1)


def main() -> None:
    from tf_fewshot.errors import UserError

    if not _OUT.value:
        raise UserError("--out is missing: the folder to write to.")
    if not (_ADAPTER.value or _SOURCE.value):
        raise UserError("Give --adapter=FILE (an adapted generator) or --source=NAME.")
    load_tensorflow()
    if _ADAPTER.value is not None:
        from tf_fewshot.adapted import load_adapter

        print(load_adapter(_ADAPTER.value, _SOURCE.value).export(_OUT.value, _VERSION.value))
    elif _SOURCE.value is not None:
        from tf_fewshot import weights
        from tf_fewshot.export import export_saved_model

        print(export_saved_model(weights.load(_SOURCE.value), _OUT.value, version=_VERSION.value))
