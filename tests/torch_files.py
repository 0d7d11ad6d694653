"""Files of torch and of NVIDIA's PyTorch networks, written without torch."""

from __future__ import annotations

import argparse
import io
import json
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
import pytest

_MAGIC = 0x1950A86A20F9469CFC6C


class FloatStorage:
    pass


class DoubleStorage:
    pass


class BFloat16Storage:
    pass


class LongStorage:
    pass


class EasyDict(dict):
    pass


class ReLU:
    def __init__(self):
        self.__dict__ = {"training": True, "_parameters": OrderedDict(), "inplace": True}


def _rebuild_tensor_v2(*_):
    pass


def _rebuild_parameter(*_):
    pass


def _load_from_bytes(*_):
    pass


def _reconstruct_persistent_obj(*_):
    pass


_PLACES = {
    "torch": (FloatStorage, DoubleStorage, BFloat16Storage, LongStorage),
    "torch._utils": (_rebuild_tensor_v2, _rebuild_parameter),
    "torch.storage": (_load_from_bytes,),
    "torch.nn": (),
    "torch.nn.modules": (),
    "torch.nn.modules.activation": (ReLU,),
    "torch_utils": (),
    "torch_utils.persistence": (_reconstruct_persistent_obj,),
    "dnnlib": (),
    "dnnlib.util": (EasyDict,),
}
for _module, _members in _PLACES.items():
    for _member in _members:
        _member.__module__ = _module


class Storage:
    def __init__(self, array: np.ndarray):
        self.array, self.key = array, str(id(array))

    @property
    def kind(self) -> type:
        kinds = {"bfloat16": BFloat16Storage, "float32": FloatStorage, "float64": DoubleStorage}
        return {**kinds, "int64": LongStorage}[self.array.dtype.name]

    def __reduce__(self):
        return _load_from_bytes, (legacy(self),)


class Tensor:
    """A tensor of floats or int64; four dimensions lie in memory with the channels last."""

    def __init__(self, array: Any, parameter: bool = False):
        array = np.asarray(array)
        kept = array.dtype in (np.float64, np.int64, ml_dtypes.bfloat16)
        self.array = array if kept else array.astype(np.float32)
        self.parameter = parameter

    def __reduce__(self):
        array, order = self.array, tuple(range(self.array.ndim))
        if array.ndim == 4:
            order = (0, 2, 3, 1)
        flat = array.transpose(order).copy(order="C")
        strides = dict(zip(order, (s // array.itemsize for s in flat.strides), strict=True))
        stride = tuple(strides[i] for i in range(array.ndim))
        arguments = (Storage(flat.reshape(-1)), 0, array.shape, stride, False, OrderedDict())
        if self.parameter:
            plain = Tensor(self.array)
            return _rebuild_parameter, (plain, True, OrderedDict())
        return _rebuild_tensor_v2, arguments


class Module:
    """A persistent object; its source would end the process."""

    def __init__(self, kind: str, parameters=(), buffers=(), modules=(), **attributes: Any):
        self.state = {
            "training": False,
            "_parameters": OrderedDict(
                (n, a if a is None else Tensor(a, True)) for n, a in dict(parameters).items()
            ),
            "_buffers": OrderedDict((n, Tensor(a)) for n, a in dict(buffers).items()),
            "_non_persistent_buffers_set": set(),
            "_backward_hooks": OrderedDict(),
            "_modules": OrderedDict(modules),
            "act_gain": np.float64(2**0.5),
            **attributes,
        }
        self.kind = kind

    def __reduce__(self):
        meta = {
            "type": "class",
            "version": 6,
            "module_src": "import os; os._exit(1)",
            "class_name": self.kind,
            "state": self.state,
        }
        return _reconstruct_persistent_obj, (meta,), None


class _Pickler(pickle.Pickler):
    def __init__(self, file, legacy: bool):
        super().__init__(file, 2)
        self.legacy, self.storages = legacy, {}

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        self.storages[obj.key] = obj.array
        view = (None,) if self.legacy else ()
        return ("storage", obj.kind, obj.key, "cpu", obj.array.size, *view)


def _placed():
    patch = pytest.MonkeyPatch()
    for name, members in _PLACES.items():
        module = types.ModuleType(name)
        patch.setitem(sys.modules, name, module)
        for member in members:
            setattr(module, member.__name__, member)
    return patch


def legacy(tree: Any) -> bytes:
    """What torch.save wrote before version 1.6."""
    patch = _placed()
    try:
        file = io.BytesIO()
        sizes = {"short": 2, "int": 4, "long": 4}
        machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
        for part in (_MAGIC, 1001, machine):
            pickle.dump(part, file, protocol=2)
        pickler = _Pickler(file, True)
        pickler.dump(tree)
        pickle.dump(sorted(pickler.storages), file, protocol=2)
        for key in sorted(pickler.storages):
            array = pickler.storages[key]
            file.write(struct.pack("<q", array.size) + array.tobytes())
        return file.getvalue()
    finally:
        patch.undo()


def zipped(tree: Any) -> bytes:
    """What torch.save writes."""
    patch = _placed()
    try:
        file, program = io.BytesIO(), io.BytesIO()
        pickler = _Pickler(program, False)
        pickler.dump(tree)
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("model/data.pkl", program.getvalue())
            for key, array in pickler.storages.items():
                archive.writestr(f"model/data/{key}", array.tobytes())
        return file.getvalue()
    finally:
        patch.undo()


def safetensors(arrays: Mapping[str, np.ndarray]) -> bytes:
    """What ``safetensors.numpy.save`` writes, in its alignment."""
    kinds = {"float32": "F32", "float64": "F64", "bfloat16": "BF16", "int64": "I64"}
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        entries[name] = {
            "dtype": kinds[np.asarray(array).dtype.name],
            "shape": list(np.shape(array)),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def dumped(tree: Any, protocol: int = 4) -> bytes:
    """What ``pickle`` makes of a tree of modules and tensors."""
    patch = _placed()
    try:
        return pickle.dumps(tree, protocol)
    finally:
        patch.undo()


# NVIDIA's PyTorch networks and rosinality's, from variables by their TensorFlow names ----------


def _filter(taps) -> np.ndarray:
    return (np.outer(taps, taps) / np.sum(taps) ** 2).astype(np.float32)


def _torch(value: np.ndarray, flip: bool = False) -> np.ndarray:
    """[k, k, in, out] to [out, in, k, k], and [in, out] to [out, in]."""
    if value.ndim == 2:
        return value.T
    return (value[::-1, ::-1] if flip else value).transpose(3, 2, 0, 1)


def ada_generator(v: Mapping[str, np.ndarray], clamp=None, lrmul=0.01, taps=(1, 3, 3, 1)) -> Module:
    mapping, i = {}, 0
    if "mapping/LabelEmbed/weight" in v:
        mapping["embed"] = _dense(v, "mapping/LabelEmbed", "linear", 1.0)
    while f"mapping/Dense{i}/weight" in v:
        mapping[f"fc{i}"] = _dense(v, f"mapping/Dense{i}", "lrelu", lrmul)
        i += 1
    blocks, index, r = {}, 0, 4
    while f"synthesis/{r}x{r}/Conv1/weight" in v or r == 4:
        scope, inner = f"synthesis/{r}x{r}", {}
        names = {"conv1": "Conv"} if r == 4 else {"conv0": "Conv0_up", "conv1": "Conv1"}
        for ours, theirs in names.items():
            inner[ours] = _styled(v, f"{scope}/{theirs}", index, ours == "conv0", clamp, taps)
            index += 1
        if f"{scope}/ToRGB/weight" in v:
            inner["torgb"] = Module(
                "ToRGBLayer",
                {"weight": _torch(v[f"{scope}/ToRGB/weight"]), "bias": v[f"{scope}/ToRGB/bias"]},
                modules={"affine": _affine(v, f"{scope}/ToRGB")},
                conv_clamp=clamp,
            )
        if f"{scope}/Skip/weight" in v:
            inner["skip"] = Module(
                "Conv2dLayer",
                {"weight": _torch(v[f"{scope}/Skip/weight"], flip=True), "bias": None},
                {"resample_filter": _filter(taps)},
                activation="linear",
                conv_clamp=None,
            )
        const = {"const": v[f"{scope}/Const/const"][0]} if r == 4 else {}
        buffers = {"resample_filter": _filter(taps)}
        blocks[f"b{r}"] = Module("SynthesisBlock", const, buffers, inner, resolution=r)
        r *= 2
    return Module(
        "Generator",
        modules={
            "synthesis": Module("SynthesisNetwork", modules=blocks),
            "mapping": Module("MappingNetwork", {}, {"w_avg": v["dlatent_avg"]}, mapping),
        },
        _init_args=(),
        _init_kwargs=EasyDict(synthesis_kwargs=EasyDict(conv_clamp=clamp)),
    )


def stylegan3_generator(v: Mapping[str, np.ndarray], form) -> Module:
    """The modules of NVIDIA's StyleGAN3, of tensors by name and a ``Form`` of the tests."""

    def dense(scope, lrmul=1.0, kind="linear"):
        parameters = {part: v[f"{scope}.{part}"] for part in ("weight", "bias")}
        return Module("FullyConnectedLayer", parameters, activation=kind, bias_gain=lrmul)

    mapping = {f"fc{i}": dense(f"mapping.fc{i}", form.lrmul, "lrelu") for i in range(2)}
    attributes: dict[str, Any] = {"embed": None}
    if "mapping.embed.weight" in v:
        mapping, attributes = {"embed": dense("mapping.embed"), **mapping}, {}
    own = {n: v[f"synthesis.input.{n}"] for n in ("transform", "freqs", "phases")}
    maps, scope = form.maps(), "synthesis.input"
    layers = {
        "input": Module(
            "SynthesisInput",
            {"weight": v[f"{scope}.weight"]},
            own,
            {"affine": dense(f"{scope}.affine")},
            size=np.array([maps[0]["n"]] * 2),
            sampling_rate=np.float64(maps[0]["s"]),
            bandwidth=np.float64(maps[0]["fc"]),
        )
    }
    for i, name in enumerate(form.names()):
        scope, before, after = f"synthesis.{name}", maps[max(i - 1, 0)], maps[i]
        buffers = ("magnitude_ema", "up_filter", "down_filter")
        layers[name] = Module(
            "SynthesisLayer",
            {n: v[f"{scope}.{n}"] for n in ("weight", "bias")},
            {n: v[f"{scope}.{n}"] for n in buffers if f"{scope}.{n}" in v},
            {"affine": dense(f"{scope}.affine")},
            in_size=np.array([before["n"]] * 2),
            out_size=np.array([after["n"]] * 2),
            in_sampling_rate=before["s"],
            out_sampling_rate=after["s"],
            out_cutoff=np.float64(after["fc"]),
            out_half_width=np.float64(after["fh"]),
            conv_clamp=form.clamp,
            magnitude_ema_beta=0.99,
            padding=[1, 2, 1, 2],
        )
    synthesis = Module(
        "SynthesisNetwork",
        modules=layers,
        num_critical=form.critical,
        margin_size=form.margin,
        output_scale=form.scale,
        layer_names=form.names(),
    )
    arguments = EasyDict(
        first_cutoff=form.first_cutoff,
        first_stopband=form.first_stopband,
        last_stopband_rel=form.last_stopband_rel,
        filter_size=form.filter_size,
        lrelu_upsampling=form.lrelu_up,
        use_radial_filters=form.radial,
        mapping_kwargs=EasyDict(num_layers=2),
    )
    mapped = Module(
        "MappingNetwork",
        {},
        {"w_avg": v["mapping.w_avg"]},
        mapping,
        w_avg_beta=0.998,
        **attributes,
    )
    networks = {"synthesis": synthesis, "mapping": mapped}
    return Module("Generator", modules=networks, _init_args=(), _init_kwargs=arguments)


def ada_discriminator(
    v: Mapping[str, np.ndarray], clamp=None, lrmul=0.1, taps=(1, 3, 3, 1), group=4, features=1
) -> Module:
    blocks, r = {}, max(int(k.split("x")[0]) for k in v if k.endswith("FromRGB/weight"))

    def conv(name, kind="lrelu", clamp=clamp, taps=(1, 3, 3, 1)):
        return Module(
            "Conv2dLayer",
            {"weight": _torch(v[f"{name}/weight"]), "bias": v.get(f"{name}/bias")},
            {"resample_filter": _filter(taps)},
            activation=kind,
            conv_clamp=clamp,
        )

    while r > 4:
        scope, inner = f"{r}x{r}", {}
        for ours, theirs in {"fromrgb": "FromRGB", "conv0": "Conv0"}.items():
            if f"{scope}/{theirs}/weight" in v:
                inner[ours] = conv(f"{scope}/{theirs}")
        inner["conv1"] = conv(f"{scope}/Conv1_down", taps=taps)
        if f"{scope}/Skip/weight" in v:
            inner["skip"] = conv(f"{scope}/Skip", "linear", None, taps)
        buffers = {"resample_filter": _filter(taps)}
        blocks[f"b{r}"] = Module("DiscriminatorBlock", {}, buffers, inner)
        r //= 2
    if "LabelEmbed/weight" in v:
        mapping, i = {"embed": _dense(v, "LabelEmbed", "linear", 1.0)}, 0
        while f"Mapping{i}/weight" in v:
            mapping[f"fc{i}"] = _dense(v, f"Mapping{i}", "lrelu", lrmul)
            i += 1
        blocks["mapping"] = Module("MappingNetwork", modules=mapping)
    last = {"conv": conv("4x4/Conv"), "fc": _dense(v, "4x4/Dense0", "lrelu", 1.0)}
    last["out"] = _dense(v, "Output", "linear", 1.0)
    attributes = {}
    if features:
        last["mbstd"] = Module("MinibatchStdLayer", group_size=group, num_channels=features)
    else:
        attributes["mbstd"] = None
    if "4x4/FromRGB/weight" in v:
        last["fromrgb"] = conv("4x4/FromRGB", clamp=None)
    blocks["b4"] = Module("DiscriminatorEpilogue", modules=last, **attributes)
    return Module("Discriminator", modules=blocks, _init_args=(), _init_kwargs=EasyDict())


def _dense(v, name, kind, lrmul) -> Module:
    parameters = {"weight": _torch(v[f"{name}/weight"]), "bias": v[f"{name}/bias"]}
    return Module("FullyConnectedLayer", parameters, activation=kind, bias_gain=lrmul)


def _affine(v, scope) -> Module:
    parameters = {"weight": _torch(v[f"{scope}/mod_weight"]), "bias": v[f"{scope}/mod_bias"] + 1}
    return Module("FullyConnectedLayer", parameters, activation="linear", bias_gain=1)


def _styled(v, scope, index, up, clamp, taps) -> Module:
    parameters = {"weight": _torch(v[f"{scope}/weight"], up), "bias": v[f"{scope}/bias"]}
    # Only where the picture is doubled does the filter do anything.
    buffers = {"resample_filter": _filter(taps if up else (1, 3, 3, 1))}
    if f"synthesis/noise{index}" in v:
        parameters["noise_strength"] = v[f"{scope}/noise_strength"]
        buffers["noise_const"] = v[f"synthesis/noise{index}"][0, 0]
    modules = {"affine": _affine(v, scope)}
    return Module(
        "SynthesisLayer", parameters, buffers, modules, activation="lrelu", conv_clamp=clamp
    )


def rosinality_generator(v: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    state_dict: dict[str, Any] = {"input.input": v["synthesis/4x4/Const/const"]}

    def styled(ours, scope, up=False):
        state_dict[f"{ours}.conv.weight"] = _torch(v[f"{scope}/weight"], up)[None]
        state_dict[f"{ours}.conv.modulation.weight"] = v[f"{scope}/mod_weight"].T
        state_dict[f"{ours}.conv.modulation.bias"] = v[f"{scope}/mod_bias"] + 1
        if f"{scope}/noise_strength" not in v:
            state_dict[f"{ours}.bias"] = v[f"{scope}/bias"].reshape(1, -1, 1, 1)
            return
        state_dict[f"{ours}.noise.weight"] = v[f"{scope}/noise_strength"].reshape(1)
        state_dict[f"{ours}.activate.bias"] = v[f"{scope}/bias"]
        if up:
            state_dict[f"{ours}.conv.blur.kernel"] = 4 * _filter((1, 3, 3, 1))

    i = 0
    while f"mapping/Dense{i}/weight" in v:
        state_dict[f"style.{i + 1}.weight"] = v[f"mapping/Dense{i}/weight"].T
        state_dict[f"style.{i + 1}.bias"] = v[f"mapping/Dense{i}/bias"]
        i += 1
    styled("conv1", "synthesis/4x4/Conv")
    styled("to_rgb1", "synthesis/4x4/ToRGB")
    r, i = 8, 0
    while f"synthesis/{r}x{r}/Conv1/weight" in v:
        styled(f"convs.{2 * i}", f"synthesis/{r}x{r}/Conv0_up", up=True)
        styled(f"convs.{2 * i + 1}", f"synthesis/{r}x{r}/Conv1")
        styled(f"to_rgbs.{i}", f"synthesis/{r}x{r}/ToRGB")
        state_dict[f"to_rgbs.{i}.upsample.kernel"] = 4 * _filter((1, 3, 3, 1))
        r, i = 2 * r, i + 1
    for k in range(2 * i + 1):
        state_dict[f"noises.noise_{k}"] = v[f"synthesis/noise{k}"]
    return {name: Tensor(array) for name, array in state_dict.items()}


def rosinality_discriminator(v: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    r = max(int(k.split("x")[0]) for k in v if k.endswith("FromRGB/weight"))
    state_dict: dict[str, Any] = {}

    def conv(ours, scope, first=0):
        state_dict[f"{ours}.{first}.weight"] = _torch(v[f"{scope}/weight"])
        if f"{scope}/bias" in v:
            state_dict[f"{ours}.{first + 1}.bias"] = v[f"{scope}/bias"]
        if first:
            state_dict[f"{ours}.0.kernel"] = _filter((1, 3, 3, 1))

    conv("convs.0", f"{r}x{r}/FromRGB")
    i = 1
    while r > 4:
        conv(f"convs.{i}.conv1", f"{r}x{r}/Conv0")
        conv(f"convs.{i}.conv2", f"{r}x{r}/Conv1_down", 1)
        conv(f"convs.{i}.skip", f"{r}x{r}/Skip", 1)
        r, i = r // 2, i + 1
    conv("final_conv", "4x4/Conv")
    for ours, theirs in {"final_linear.0": "4x4/Dense0", "final_linear.1": "Output"}.items():
        state_dict[f"{ours}.weight"], state_dict[f"{ours}.bias"] = (
            v[f"{theirs}/weight"].T,
            v[f"{theirs}/bias"],
        )
    return {name: Tensor(array) for name, array in state_dict.items()}


def options() -> argparse.Namespace:
    """What a checkpoint of rosinality's training also holds."""
    return argparse.Namespace(iter=800000, size=16, path="data")
