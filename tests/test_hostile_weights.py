"""Files that were made to harm whoever reads them: nothing runs, nothing is endless."""

from __future__ import annotations

import builtins
import collections
import copyreg
import functools
import io
import operator
import os
import pickle
import struct
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tf_fewshot as tff
from tf_fewshot.backbones import build
from tf_fewshot.errors import UserError
from tf_fewshot.unpickling.torch_legacy import read_torch_legacy
from tf_fewshot.unpickling.torch_zip import is_torch_zip, read_torch_zip
from tf_fewshot.unpickling.unpickler import read_numpy_pickle
from tf_fewshot.unpickling.values import bounded, told
from tf_fewshot.weights import load_gan, save_gan
from tf_fewshot.weights.nvidia.network_pickle import read_network_pickle

# The files --------------------------------------------------------------------------------

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MACHINE = {"protocol_version": _PROTOCOL, "little_endian": True, "type_sizes": {}}


def legacy(tree: bytes, keys: Any = (), data: bytes = b"", version: Any = _PROTOCOL) -> bytes:
    """A file of torch's old format around the pickle of what was saved."""
    head = pickle.dumps(_MAGIC, 2) + pickle.dumps(version, 2) + pickle.dumps(_MACHINE, 2)
    return head + tree + pickle.dumps(keys if keys != () else [], 2) + data


def zipped(tree: bytes, compression=zipfile.ZIP_STORED, **members: bytes) -> bytes:
    """A file of torch's zip format around the pickle of what was saved."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("a/data.pkl", tree)
        for name, value in members.items():
            archive.writestr(f"a/data/{name.removeprefix('s')}", value)
    return buffer.getvalue()


def text(value: str) -> bytes:
    content = value.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def number(value: int) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def tensor(size=(24,), stride=(1,), offset=0, numel: Any = 24, key: str = "0") -> bytes:
    """A pickled tensor over one storage of float32, made of opcodes."""
    sizes, strides = (b"(" + b"".join(map(number, v)) + b"t" for v in (size, stride))
    count = number(numel) if isinstance(numel, int) else pickle.dumps(numel, 2)[2:-1]
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu")
    storage += count + b"tQ"
    body = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + sizes + strides
    return b"\x80\x02" + body + b"\x89NtR."


STORAGE = np.arange(24, dtype="<f4").tobytes()
READERS = {
    "pickle": (read_numpy_pickle, lambda tree: tree),
    "torch legacy": (read_torch_legacy, legacy),
    "torch zip": (read_torch_zip, zipped),
    "network": (read_network_pickle, lambda tree: tree),
}


def refused(read, path: Path, content: bytes, message: str | None = None) -> str:
    """The one line that reading ends in."""
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read(path)
    said = str(error.value)
    assert str(path) in said
    assert "\n" not in said
    assert len(said) < len(str(path)) + 1000
    return said


def test_the_crafted_tensors_are_tensors(tmp_path):
    (tmp_path / "z").write_bytes(zipped(tensor((2, 3), (6, 1), 1), s0=STORAGE))
    data = struct.pack("<q", 24) + STORAGE
    (tmp_path / "l").write_bytes(legacy(tensor((2, 3), (6, 1), 1), ["0"], data))
    for read, name in ((read_torch_zip, "z"), (read_torch_legacy, "l")):
        np.testing.assert_array_equal(read(tmp_path / name), [[1, 2, 3], [7, 8, 9]])


# What would be run ---------------------------------------------------------------------------


class Calls:
    """Pickles as a call of ``function(*arguments)``, with a state and items if given."""

    def __init__(self, function, *arguments, state=None, items=()):
        self.call, self.state, self.items = (function, arguments), state, dict(items)

    def __reduce__(self):
        return *self.call, self.state, None, iter(self.items.items())


def hostile(marker: Path) -> dict[str, Any]:
    touch, code = f"touch {marker}", f"open({str(marker)!r}, 'w')"
    system = Calls(getattr, Calls(__import__, "os"), "system")
    return {
        "getattr": Calls(getattr, Calls(__import__, "os"), "system"),
        "getattr of getattr": Calls(getattr, Calls(getattr, np.zeros(1), "__class__"), "mro"),
        "called getattr": Calls(map, system, [touch]),
        "nested reduce": Calls(list, Calls(map, Calls(eval, "print"), [1])),
        "reduce in a state": Calls(collections.OrderedDict, state={"a": Calls(eval, code)}),
        "reduce in items": Calls(collections.OrderedDict, items={1: Calls(eval, code)}),
        "reduce in a key": {Calls(builtins.exec, code): 1},
        "reduce in a dtype": Calls(np.dtype, Calls(eval, "'f4'")),
        "attrgetter": Calls(operator.attrgetter, "system"),
        "methodcaller": Calls(operator.methodcaller, "system", touch),
        "partial": Calls(functools.partial, os.system, touch),
        "copyreg": Calls(vars(copyreg)["_reconstructor"], subprocess.Popen, object, None),
        "Popen": Calls(subprocess.Popen, ["touch", str(marker)]),
        "numpy load": Calls(np.load, str(marker)),
        "memmap": Calls(np.memmap, str(marker), "f4", "w+", 0, (1,)),
        "compile": Calls(eval, Calls(compile, code, "a", "eval")),
    }


@pytest.mark.parametrize("name", sorted(hostile(Path("x"))))
@pytest.mark.parametrize("reader", sorted(READERS))
def test_nothing_runs(reader, name, tmp_path):
    marker = tmp_path / "ran"
    read, wrap = READERS[reader]
    for protocol in (2, 4):
        tree = pickle.dumps({"weights": [hostile(marker)[name]]}, protocol)
        refused(read, tmp_path / "w", wrap(tree), "nothing was run")
    assert [p.name for p in tmp_path.iterdir()] == ["w"]


@pytest.mark.parametrize("reader", sorted(READERS))
@pytest.mark.parametrize(
    "name",
    [
        # Names with a dot would reach into what is allowed, and these are allowed without.
        ("numpy", "dtype.__class__"),
        ("collections", "OrderedDict.fromkeys"),
        ("builtins", "set.__class__.__base__"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("numpy", "ndarray\nand more"),
        ("", ""),
    ],
)
def test_names_that_reach_further(reader, name, tmp_path):
    read, wrap = READERS[reader]
    tree = b"\x80\x04" + text(name[0]) + text(name[1]) + b"\x93)R."
    refused(read, tmp_path / "w", wrap(tree), "nothing was run")


# What is put in the place of something else ---------------------------------------------------


@pytest.mark.parametrize(
    "spec", ["f4,O", "f4,f4", "(2,)f8", "O", "V4", "M8[s]", "f4 ", "", 3, None]
)
def test_dtypes_of_anything_but_plain_numbers(spec, tmp_path):
    content = pickle.dumps(Calls(np.dtype, spec, False, True), 2)
    refused(read_numpy_pickle, tmp_path / "w", content, "only plain numbers are read")


def test_an_array_takes_no_state_of_the_pickle(tmp_path):
    """Real arrays are made from bytes; their own ``__setstate__`` wants a real dtype."""
    array = pickle.dumps(np.arange(3.0), 5)
    assert b"_frombuffer" in array
    state = (1, (2**40,), Calls(np.dtype, "f8", False, True), False, b"")
    hacked = array[:-1] + pickle.dumps(state, 5)[2:-1] + b"b."
    refused(read_numpy_pickle, tmp_path / "w", hacked)


@pytest.mark.parametrize("wrap", ["plain", "torch zip", "torch legacy"])
def test_an_ordered_dict_keeps_its_methods(wrap, tmp_path):
    """torch's state dicts have attributes, which are left out."""
    tree = pickle.dumps(
        Calls(
            collections.OrderedDict,
            state={"get": 3, "items": 4, "_metadata": {}},
            items={"a": 1},
        ),
        2,
    )
    read, file = READERS["pickle" if wrap == "plain" else wrap]
    (tmp_path / "w").write_bytes(file(tree))
    state = read(tmp_path / "w")
    assert state == {"a": 1}
    assert state.get("a") == 1


@pytest.mark.parametrize("of", ["state", "variables", "components"])
def test_a_network_of_odd_parts(of, tmp_path):
    odd = Calls(collections.OrderedDict, state={"get": 3, "items": 4})
    parts: dict[str, Any] = {"version": 3, "static_kwargs": {}, "variables": []}
    parts = odd if of == "state" else {**parts, of: odd}  # type: ignore[assignment]
    one = b"cdnnlib.tflib.network\nNetwork\n)\x81" + pickle.dumps(parts, 2)[2:-1] + b"b"
    content = b"\x80\x02(" + 3 * one + b"t."
    path = tmp_path / "w"
    path.write_bytes(content)
    if of == "components":
        assert [n.variables for n in read_network_pickle(path)] == [{}] * 2
    else:
        refused(read_network_pickle, path, content)


# What never ends -------------------------------------------------------------------------


def laughs(levels: int = 21) -> list:
    """A list that is small in a pickle, and has two to the 21 parts in print."""
    nested: list = []
    for _ in range(levels):
        nested = [nested, nested]
    return nested


def deep(levels: int = 10**5) -> bytes:
    """A pickled list in a list, and so on."""
    return b"\x80\x02" + levels * b"]" + (levels - 1) * b"a" + b"."


@pytest.mark.parametrize("value", [laughs(), tuple(laughs()), {"a": laughs()}, {1: {2: laughs()}}])
def test_what_is_told_is_short(value):
    assert len(told(value)) < 200
    assert len(told([value] * 1000)) < 1000
    with pytest.raises(UserError, match="without end"):
        bounded(value)


def test_what_is_told_of_plain_things():
    for value in (3, 2.5, None, True, "name", b"abc", (1, 2), [1, "a"], {"a": None}):
        assert told(value) == repr(value)
    assert told(10**5000) == "a int"
    assert told(collections.OrderedDict(a=laughs())) == "a OrderedDict"
    assert len(told("a" * 10**6)) < 100
    assert len(told(b"a" * 10**6)) < 100


def test_bounded_lets_settings_pass():
    settings_of = {"blur_filter": [1, 2, 1], "fmaps": 512, "nested": {"a": (1, None)}}
    assert bounded(settings_of) is settings_of
    cycle: list = []
    cycle.append(cycle)
    shared = [1] * 100
    for endless in (cycle, [shared] * 100, pickle.loads(deep())):
        with pytest.raises(UserError, match="without end"):
            bounded(endless)


@pytest.mark.parametrize(
    "program",
    [
        {"version": laughs()},
        {"keys": laughs()},
        {"keys": [laughs()]},
        {"keys": [10**5000]},
        {"keys": {"0": 1}},
    ],
)
def test_legacy_files_of_endless_parts(program, tmp_path):
    content = legacy(tensor(), **{"keys": ["0"], **program})
    refused(read_torch_legacy, tmp_path / "w", content)


@pytest.mark.parametrize("at", ["version", "machine", "tree", "keys"])
def test_legacy_files_of_deep_parts(at, tmp_path):
    parts = {
        "magic": pickle.dumps(_MAGIC, 2),
        "version": pickle.dumps(_PROTOCOL, 2),
        "machine": pickle.dumps(_MACHINE, 2),
        "tree": tensor(),
        "keys": pickle.dumps(["0"], 2),
        "data": struct.pack("<q", 24) + STORAGE,
    }
    parts[at] = deep()
    refused(read_torch_legacy, tmp_path / "w", b"".join(parts.values()))


@pytest.mark.parametrize("numel", [2**61, 2**62, 2**63 - 1, 10**12])
def test_legacy_storages_that_claim_more_than_there_is(numel, tmp_path):
    content = legacy(tensor(numel=numel), ["0"], struct.pack("<q", numel) + STORAGE)
    refused(read_torch_legacy, tmp_path / "w", content, "cut off or of another size")


@pytest.mark.parametrize("kind", ["torch zip", "torch legacy"])
@pytest.mark.parametrize(
    "program",
    [
        {"numel": laughs()},
        {"numel": 1.5},
        {"numel": -1},
        {"numel": 10**5000},
        {"size": (2**70,), "stride": (0,)},
        {"size": (0, 10**30), "stride": (1, 1)},
        {"size": (1,) * 40, "stride": (1,) * 40},
        {"size": (2,), "stride": (2**70,)},
        {"offset": 2**70},
        {"key": "../../etc/passwd"},
        {"key": "a\nb" * 1000},
    ],
)
def test_tensors_that_lie_about_their_size(kind, program, tmp_path):
    read, wrap = READERS[kind]
    if kind == "torch zip":
        content = wrap(tensor(**program), s0=STORAGE)
    else:
        key = program.get("key", "0")
        content = wrap(tensor(**program), [key], struct.pack("<q", 24) + STORAGE)
        if "key" in program:  # Here a key is a name and nothing else.
            (tmp_path / "w").write_bytes(content)
            assert read(tmp_path / "w").shape == (24,)
            return
    refused(read, tmp_path / "w", content)


def network(**changes: Any) -> bytes:
    state = {"version": 3, "name": "Gs", "static_kwargs": {}, "variables": [], **changes}
    one = b"cdnnlib.tflib.network\nNetwork\n)\x81" + pickle.dumps(state, 2)[2:-1] + b"b"
    return b"\x80\x02(" + 3 * one + b"t."


@pytest.mark.parametrize(
    "changes",
    [
        {"name": laughs()},
        {"build_func_name": laughs()},
        {"version": laughs()},
        {"static_kwargs": {"a": laughs()}},
        {"static_kwargs": laughs()},
        {"variables": [("a", laughs())]},
        {"variables": laughs()},
        {"variables": [(laughs(), 1)]},
        {"variables": [("a", [1, 2])]},
        {"variables": [("a", "text")]},
        {"variables": [("a", np.array([b"a"]))]},
        {"variables": [("a", np.array([1j]))]},
        {"variables": [("a", 10**5000)]},
        {"components": {"a": laughs()}},
        {"components": laughs()},
    ],
)
def test_networks_of_endless_parts(changes, tmp_path):
    refused(read_network_pickle, tmp_path / "w", network(**changes))


def test_a_network_in_itself(tmp_path):
    one = b"\x80\x02cdnnlib.tflib.network\nNetwork\n)\x81q\x00}(X\x0a\x00\x00\x00components"
    one += b"}X\x01\x00\x00\x00ah\x00sX\x07\x00\x00\x00versionK\x03X\x09\x00\x00\x00variables]ub"
    refused(read_network_pickle, tmp_path / "w", one + b"h\x00h\x00\x87.", "without end")


@pytest.mark.parametrize(
    "program",
    [
        # Lengths that are not there: of bytes, of text, of a number, of a frame.
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"a.",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"a.",
        b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"a.",
        b"\x80\x02\x8b" + struct.pack("<i", -5) + b"a.",
        b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"a.",
        b"\x80\x05\x97.",
        b"L" + b"9" * 10**5 + b"L\n.",
        b"I" + b"9" * 10**5 + b"\n.",
        b"\x80\xff.",
        b"(" * 10**5 + b".",
        b"\x80\x02q\xffN.",
    ],
)
@pytest.mark.parametrize("reader", sorted(READERS))
def test_programs_that_lie(reader, program, tmp_path):
    read, wrap = READERS[reader]
    refused(read, tmp_path / "w", wrap(program))


# Zips ------------------------------------------------------------------------------------


def at_member(content: bytes, offset: int, value: bytes) -> bytes:
    """The zip with bytes of its first local header and directory entry replaced."""
    changed = bytearray(content)
    changed[offset : offset + len(value)] = value
    entry = content.index(b"PK\x01\x02")
    changed[entry + offset + 2 : entry + offset + 2 + len(value)] = value
    return bytes(changed)


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (6, b"\x01\x00"),  # encrypted
        (8, b"\x63\x00"),  # a method that nobody has
        (8, b"\x08\x00"),  # deflated, as it is not
        (8, b"\x0c\x00"),  # bzip2, as it is not
        (14, b"\x00\x00\x00\x00"),  # another checksum
        (22, b"\xff\xff\xff\x7f"),  # two gigabytes
    ],
)
def test_zips_that_lie(offset, value, tmp_path):
    content = zipped(tensor(), s0=STORAGE)
    refused(read_torch_zip, tmp_path / "w", at_member(content, offset, value))
    with pytest.raises(UserError):
        tff.load(tmp_path / "w")
    gan = build("dcgan", resolution=16, latent_dim=2, widths=[2, 2])
    save_gan(gan, tmp_path / "gan.npz")
    lying = at_member((tmp_path / "gan.npz").read_bytes(), offset, value)
    for read in (load_gan, tff.load):
        refused(read, tmp_path / "gan.npz", lying)


@pytest.mark.parametrize("member", ["data.pkl", "data/0"])
def test_bombs_of_torch(member, tmp_path):
    zeros = bytes(10**7)
    tree = zeros if member == "data.pkl" else tensor(numel=len(zeros) // 4)
    content = zipped(tree, zipfile.ZIP_DEFLATED, s0=zeros)
    assert len(content) < 10**5
    refused(read_torch_zip, tmp_path / "w", content, "compressed or overlap")


def test_members_that_overlap(tmp_path):
    """Many entries of the directory that all name the same bytes."""
    content = zipped(tensor(numel=10**5), s0=bytes(4 * 10**5))
    start = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", start + 1)
    end = content.index(b"PK\x05\x06")
    entries = content[start:second] + 50 * content[second:end]
    tail = bytearray(content[end:])
    tail[8:12] = struct.pack("<HH", 51, 51)
    tail[12:16] = struct.pack("<I", len(entries))
    refused(read_torch_zip, tmp_path / "w", content[:start] + entries + tail, "overlap")


def test_two_pickles_in_a_zip(tmp_path):
    buffer = io.BytesIO(zipped(tensor(), s0=STORAGE))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("b/data.pkl", pickle.dumps(1))
    (tmp_path / "w").write_bytes(buffer.getvalue())
    assert not is_torch_zip(tmp_path / "w")
    refused(read_torch_zip, tmp_path / "w", buffer.getvalue(), r"no data\.pkl")


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2, complex),
        np.zeros(2, "M8[s]"),
        np.zeros(2, [("a", "f4")]),
        np.zeros(2, "S3"),
        np.array([{}, {}]),
        np.zeros((2, 0)),
        np.float32(1),
    ],
    ids=lambda value: str(value.dtype),
)
def test_arrays_of_other_kinds_in_our_own_files(value, tmp_path):
    path = tmp_path / "gan.npz"
    save_gan(build("dcgan", resolution=16, latent_dim=2, widths=[2, 2]), path)
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["generator/layer1/norm/gamma"] = value
    np.savez(path, **arrays)
    refused(tff.load, path, path.read_bytes())


# At random ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("hostile")


OPCODES = [
    *(b"(", b")", b"]", b"}", b"N", b"0", b"1", b"2", b"a", b"b", b"d", b"e", b"l", b"o"),
    *(b"Q", b"R", b"s", b"t", b"u", b"\x81", b"\x85", b"\x86", b"\x87", b"\x88", b"\x92"),
    *(b"\x8f", b"\x90", b"\x91", b"\x93", b"\x94", b"h\x00", b"h\x01", b"q\x00", b"K\x02"),
    *(text("storage"), text("0"), text("cpu"), text("f4"), text("get"), text("version")),
    *(b"ctorch\nFloatStorage\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nSize\n"),
    *(b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"cnumpy.core.multiarray\n_reconstruct\n"),
    *(b"cnumpy.core.multiarray\nscalar\n", b"cnumpy.core.numeric\n_frombuffer\n"),
    *(b"ccollections\nOrderedDict\n", b"c_codecs\nencode\n", b"cbuiltins\nset\n"),
    *(b"cdnnlib.tflib.network\nNetwork\n", b"cdnnlib.util\nEasyDict\n", b"cos\nsystem\n"),
    *(b"C\x04abcd", b"U\x01a", b"G" + struct.pack(">d", 2.5), b"J\xff\xff\xff\xff"),
]


@settings(max_examples=300)
@given(
    program=st.lists(st.sampled_from(OPCODES), max_size=25),
    reader=st.sampled_from(sorted(READERS)),
)
def test_any_program_is_read_or_refused_in_one_line(place, program, reader):
    read, wrap = READERS[reader]
    path = place / "w"
    path.write_bytes(wrap(b"\x80\x04" + b"".join(program) + b"."))
    try:
        read(path)
    except UserError as error:
        said = str(error)
    else:
        return
    assert str(path) in said
    assert "\n" not in said
