"""A program that loads a SavedModel as TF-Serving does and runs its signatures.

It calls TensorFlow's C API, whose ``TF_LoadSessionFromSavedModel`` is the C++ loader
of the server, through ctypes. It stands alone, without the Python TensorFlow: run it as
a script in a process of its own, where neither a crash nor a variable that Python had
already made can touch the result.

    python c_loader.py REQUEST.json

The request holds ``library``, ``directory``, ``arrays`` (an npz of inputs), ``results``
(the npz to write) and ``calls``: a list of ``{"inputs": {tensor: key}, "outputs":
{tensor: key}}`` with tensors as ``name:index``. Strings are written as ``KEY.bytes``, all
of them end to end, and ``KEY.lengths``. A failure is one line on standard output, exit 3.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Iterator
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np

FAILED = 3
_STRING = 7
_TYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int64": 9, "bool": 10}
_NAMES = {number: name for name, number in _TYPES.items()}


class _Output(ctypes.Structure):
    """``TF_Output``: one output of an operation."""

    _fields_ = [("oper", c_void_p), ("index", c_int)]


_NODES = [POINTER(_Output), POINTER(c_void_p), c_int]
_FUNCTIONS = {
    "TF_NewStatus": (c_void_p, []),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_NewGraph": (c_void_p, []),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, c_void_p, c_void_p],
    ),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_TensorType": (c_int, [c_void_p]),
    "TF_TensorByteSize": (c_size_t, [c_void_p]),
    "TF_NumDims": (c_int, [c_void_p]),
    "TF_Dim": (c_int64, [c_void_p, c_int]),
    "TF_DeleteTensor": (None, [c_void_p]),
    "TF_StringGetDataPointer": (c_void_p, [c_void_p]),
    "TF_StringGetSize": (c_size_t, [c_void_p]),
    "TF_SessionRun": (
        None,
        [c_void_p, c_void_p, *_NODES, *_NODES, c_void_p, c_int, c_void_p, c_void_p],
    ),
}
_STRING_STRUCT = 24


class _Model:
    """A loaded SavedModel with a session."""

    def __init__(self, library: str, directory: str):
        self.c = ctypes.CDLL(library)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self.c, name)
            function.restype, function.argtypes = result, arguments
        self.status, self.graph = self.c.TF_NewStatus(), self.c.TF_NewGraph()
        tags = (c_char_p * 1)(b"serve")
        options = self.c.TF_NewSessionOptions()
        self.session = self.c.TF_LoadSessionFromSavedModel(
            options, None, directory.encode(), tags, 1, self.graph, None, self.status
        )
        self._check()

    def run(self, inputs: dict[str, np.ndarray], outputs: list[str]) -> Iterator[np.ndarray | list]:
        """The values of ``outputs``; strings as lists of bytes."""
        fed = (_Output * len(inputs))(*map(self._output, inputs))
        values = (c_void_p * len(inputs))(*map(self._tensor, inputs.values()))
        fetched = (_Output * len(outputs))(*map(self._output, outputs))
        results = (c_void_p * len(outputs))()
        self.c.TF_SessionRun(
            self.session,
            None,
            fed,
            values,
            len(fed),
            fetched,
            results,
            len(fetched),
            None,
            0,
            None,
            self.status,
        )
        self._check()
        for result in results:
            yield self._value(result)
        for tensor in (*values, *results):
            self.c.TF_DeleteTensor(tensor)

    def _check(self) -> None:
        if self.c.TF_GetCode(self.status):
            raise RuntimeError(self.c.TF_Message(self.status).decode(errors="replace"))

    def _output(self, tensor: str) -> _Output:
        name, _, index = tensor.rpartition(":")
        operation = self.c.TF_GraphOperationByName(self.graph, name.encode())
        if not operation:
            raise RuntimeError(f"no operation {name!r} in the graph")
        return _Output(operation, int(index))

    def _tensor(self, value: np.ndarray) -> int:
        value = np.asarray(value, order="C")
        shape = (c_int64 * value.ndim)(*value.shape)
        kind = _TYPES[value.dtype.name]
        tensor = self.c.TF_AllocateTensor(kind, shape, value.ndim, value.nbytes)
        ctypes.memmove(self.c.TF_TensorData(tensor), value.tobytes(), value.nbytes)
        return tensor

    def _value(self, tensor: int) -> np.ndarray | list[bytes]:
        shape = [self.c.TF_Dim(tensor, i) for i in range(self.c.TF_NumDims(tensor))]
        data, kind = self.c.TF_TensorData(tensor), self.c.TF_TensorType(tensor)
        if kind == _STRING:
            structs = [data + _STRING_STRUCT * i for i in range(int(np.prod(shape)))]
            return [
                ctypes.string_at(self.c.TF_StringGetDataPointer(s), self.c.TF_StringGetSize(s))
                for s in structs
            ]
        raw = ctypes.string_at(data, self.c.TF_TensorByteSize(tensor))
        return np.frombuffer(raw, _NAMES[kind]).reshape(shape)


def main(request_path: str) -> int:
    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    outputs: dict[str, np.ndarray] = {}
    try:
        model = _Model(request["library"], request["directory"])
        with np.load(request["arrays"], allow_pickle=False) as arrays:
            for call in request["calls"]:
                inputs = {tensor: arrays[key] for tensor, key in call["inputs"].items()}
                keys = list(call["outputs"].values())
                for key, value in zip(keys, model.run(inputs, list(call["outputs"])), strict=True):
                    if isinstance(value, np.ndarray):
                        outputs[key] = value
                        continue
                    outputs[f"{key}.bytes"] = np.frombuffer(b"".join(value), np.uint8)
                    outputs[f"{key}.lengths"] = np.array([len(v) for v in value], np.int64)
    except (RuntimeError, AttributeError, OSError) as error:
        print(" ".join(str(error).split()))
        return FAILED
    np.savez(request["results"], **outputs)  # pyright: ignore[reportArgumentType]
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
