"""Readers of weights: what they read, and that damage and malice end in one clear line."""

from __future__ import annotations

import base64
import builtins
import collections
import functools
import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tf_fewshot.backbones import build
from tf_fewshot.errors import UserError
from tf_fewshot.unpickling.torch_legacy import is_torch_legacy, read_torch_legacy
from tf_fewshot.unpickling.torch_zip import is_torch_zip, read_torch_zip
from tf_fewshot.unpickling.unpickler import read_numpy_pickle
from tf_fewshot.weights import PRESETS, READERS, load, load_gan, save_gan
from tf_fewshot.weights.presets import PackagedFile


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("weights")


def damaged(data: st.DataObject, content: bytes) -> bytes:
    """Cut off, with flipped bits, or with a stretch overwritten."""
    kind = data.draw(st.sampled_from(["cut", "flip", "overwrite"]))
    at = data.draw(st.integers(0, len(content) - 1))
    if kind == "cut":
        return content[:at]
    changed = bytearray(content)
    if kind == "flip":
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content) - 1))
            changed[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        new = data.draw(st.binary(min_size=1, max_size=16))
        changed[at : at + len(new)] = new
    return bytes(changed)


def outcome(read: Callable[[Path], Any], path: Path) -> Any:
    """What was read, or the one kind of error that reading may end in."""
    try:
        return read(path)
    except UserError as error:
        return error


# Pickles of NumPy arrays ---------------------------------------------------------------

arrays = hnp.arrays(
    st.one_of(
        hnp.floating_dtypes(sizes=(16, 32, 64)),
        hnp.integer_dtypes(),
        hnp.boolean_dtypes(),
        hnp.unicode_string_dtypes(max_len=3),
    ),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)


@settings(max_examples=60)
@given(value=arrays, protocol=st.integers(0, 5), fortran=st.booleans())
def test_arrays_come_back(place, value, protocol, fortran):
    value = np.asfortranarray(value) if fortran else value
    tree = {"a": [value, {"b": (value, 3, "text")}], "c": {1, 2}, "d": None}
    (place / "w.pkl").write_bytes(pickle.dumps(tree, protocol))
    back = read_numpy_pickle(place / "w.pkl")
    assert back["c"] == {1, 2}
    assert back["d"] is None
    assert back["a"][1]["b"][1:] == (3, "text")
    for array in (back["a"][0], back["a"][1]["b"][0]):
        assert array.dtype == value.dtype
        np.testing.assert_array_equal(array, value)


def test_scalars_and_ordered_dicts_come_back(tmp_path):
    tree = collections.OrderedDict(a=np.float32(1.5), b=np.int64(-3))
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(tree))
    back = read_numpy_pickle(tmp_path / "w.pkl")
    assert back == {"a": 1.5, "b": -3}
    assert back["a"].dtype == np.float32


def test_pickles_of_old_numpy_are_read(tmp_path):
    """Before NumPy 2 the module was called numpy.core."""
    content = pickle.dumps({"a": np.arange(3)}, 2)
    assert b"numpy._core" in content
    (tmp_path / "w.pkl").write_bytes(content.replace(b"numpy._core", b"numpy.core"))
    np.testing.assert_array_equal(read_numpy_pickle(tmp_path / "w.pkl")["a"], [0, 1, 2])


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile(marker: Path) -> dict[str, object]:
    """Things that make a file when they are unpickled without care."""
    touch = f"touch {marker}"
    code = f"open({str(marker)!r}, 'w')"
    return {
        "posix.system": Calls(os.system, touch),
        "builtins.eval": Calls(builtins.eval, code),
        "builtins.exec": {"weights": [np.ones(2), Calls(builtins.exec, code)]},
        "functools.partial": Calls(functools.partial, os.system, touch),
        "builtins.map": Calls(list, Calls(map, os.system, [touch])),
    }


@pytest.mark.parametrize("name", sorted(hostile(Path("x"))))
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_hostile_pickles_run_nothing(tmp_path, name, protocol):
    marker = tmp_path / "ran"
    content = pickle.dumps({"w": hostile(marker)[name]}, protocol)
    (tmp_path / "w.pkl").write_bytes(content)
    with pytest.raises(UserError, match=r"nothing was run") as error:
        read_numpy_pickle(tmp_path / "w.pkl")
    assert str(tmp_path / "w.pkl") in str(error.value)
    assert not marker.exists()


def test_the_marker_would_be_made_without_care(tmp_path):
    marker = tmp_path / "ran"
    pickle.loads(pickle.dumps(hostile(marker)["posix.system"]))
    assert marker.exists()


def test_the_refused_name_is_told(tmp_path):
    (tmp_path / "w.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match=r"os\.system"):
        read_numpy_pickle(tmp_path / "w.pkl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # A function that is allowed gets new defaults.
        (b"c_codecs\nencode\n}S'__defaults__'\n(S'x'\ntsb.", "changes a function"),
        # A memo index that would take 64 GiB of memory.
        (b"\x80\x02Nr\xff\xff\xff\xff.", "memo index"),
        (b"\x80\x02\x82\x01.", "registered extension"),
        (b"\x80\x02U\x01aQ.", "outside of it"),
        (pickle.dumps(np.array([None, {}], object)), "dtype 'O8'"),
        (pickle.dumps(np.zeros(2, [("a", "f4"), ("b", "O")])), "dtype 'V12'"),
        (b"", "damaged"),
        (b"not a pickle", "damaged"),
    ],
)
def test_other_refusals(tmp_path, content, message):
    (tmp_path / "w.pkl").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_numpy_pickle(tmp_path / "w.pkl")


def test_a_dtype_cannot_be_given_another_state(tmp_path):
    """NumPy itself would take raw bytes for pointers to objects."""
    state = (3, "|", None, ("a",), {"a": (np.dtype("f8"), 0)}, 8, 1, 0)
    harmless = pickle.dumps(Calls(np.dtype, "f8", False, True), 2)
    (tmp_path / "w.pkl").write_bytes(harmless[:-1] + pickle.dumps(state, 2)[2:-1] + b"b.")
    with pytest.raises(UserError, match="structured dtype"):
        read_numpy_pickle(tmp_path / "w.pkl")


def test_nesting_without_end_is_refused(tmp_path):
    loop: list = []
    loop.append(loop)
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(loop))
    with pytest.raises(UserError, match="damaged"):
        read_numpy_pickle(tmp_path / "w.pkl")
    laughs: list = []
    for _ in range(100):
        laughs = [laughs, laughs]
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(laughs))
    assert len(read_numpy_pickle(tmp_path / "w.pkl")) == 2


@settings(max_examples=150)
@given(data=st.data())
def test_damaged_pickles_end_in_a_user_error(place, data):
    tree = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": [1, "x", (2.5, None)]}
    content = damaged(data, pickle.dumps(tree, data.draw(st.integers(2, 5))))
    (place / "w.pkl").write_bytes(content)
    result = outcome(read_numpy_pickle, place / "w.pkl")
    assert not isinstance(result, UserError) or "w.pkl" in str(result)


# Files of torch ------------------------------------------------------------------------

# Written by torch 2: torch.save(tree, file, _use_new_zipfile_serialization=…), compressed.
TORCH_ZIP = """
c-o~`&2Jk;6d!+N;~1K+mZl950%@s3TgTt)wn^<QWhrc-&Zea%Kpn@~#1@Y2XHNn}suY0|+FOM<a6&mEaRDxHLJ|J~65-TCB
_t$H@CP7;H#4!jJNcr?Dle;z-tXhh&U>@T7#=SnJ|Ee3b(3C_uNR7?C2M3hPxHarhh<&sBvX!S*?kvCAnQWF9JmU!iilutk(
SC0f39xLESAc%IcilJ)p~9z;s<vikZs5024?2xE$|44UoThlbW;4$4_;0fg0`#&?}geTD8>m2?GpwuyoRz0K0`5FtI%=3P^g
y6R)LnPm4^R%eb%a5vsX$5>IeU@2~SaY+JqyVjY4M;)r+2@x7b$Xd|ixBF}$nLZMYb1&;25U^-?%$!m%u_45{Vo6rPch$0v+
7!@B}~hGzv%2-Ham{U$ui#ftEpfNYg_HD8`<Rrfqk3Bv$#xhcHBT)0<Y&~UB5i-PMV3PUEG;)yeG+QFsqwF)O%d@u8~2%Hgo
fi1pa#`lWgJ4@l53FmoY34#v3Yt_npi))0ZL?I-&!i>vhxK|-!xY>$F1z(Ip+=K*AZh+cc9{wDIB!XQOE+BY#SO6|kxMad8P
pHAzE*k|GJHKF2tL}%(4$e5FgrW3SapSBwO>n<T;fe{b-Qy4X=kU4-S2@apHykVpcoSK0Cm4){7@k$QW_VaxZwaQiDO@)p!;
|m8gmc-e)pBc@OrD~`q;Pd(%hgTh>K(y#i$d0fcX?t3rtZRf0luLc)T+VzhKD~?uw3|n=X?ye7Z-yWquqDwduuX-8=uFn{n<
y(w)!(TSFJDPX>Q4?H?R|Q?Tpl>yIx@?_~YLXKVueH>@L_()W?Eb{hP~|OY@Zlt3q`x`hPX;S0cs?q&|Yb+$iDR(?AbNwG7P
Mp;nc(yRKb2h;H*Lmnbb;%)`pqA14)5QTFuENiI94;z&r>E*`>wU|mk(uQdK(EMu%;tYbXFAmccTF$OV07-@_Q#xzC^V;SQf
#siG6FxD`>!T1j2r*T%<r{fPR(?~SEPi3c^m4$U}aNo*sIo6p*Vq@b=wxPZIXr!GQ5nUTS%<G$4Po=rOdtm730raDX)pyzHH
#aw#m*4+g(7O2vy0@2@(@RX(LgdN!&!aTcoL=~|;{f%?4_m+3yUQu&;lYHm!9;y64`fFVqfQSAT}vL=!(O!>bLyx%zLo9ok2
(K&=$GvN^QQ}2vB}t)v}1=_zNx66>Hqrm{LTIK2T0`c0Oln%ta=G2@F#ip{gW%r>RRv#?Szt%L^2Um)o45sip5n`4TVB#I1&
yg)JQTMkA~vmXi~kvT>j91`gQ<)1h`8VGu!fMKeM{GIhVg9WwiYO>T@91JY=_1PA0J*BK^*T!%Ox!xnv&uLD1vi`NGE2I)G%
jecE<9;K$pDbau#C`xJFz|B<m_8Ec<_PV5au!bW7QePTJWzscCBjI~c5Cw97B!p3B*ePT$uGB)1C?mScMSJo$C6SA(o-<{ZX
8LP@zd#`pmu)Q5bo)0qE-a-S;y=4RM+}s&MQO-3-f#>|T;+yw|N8FQsaYr2ckBfYJL_CYHyf#H(I(fdx{SSaf6jJ
"""
TORCH_LEGACY = """
c-noF$8*y_6vkDY1Vjrx^w1qja7!Xn5{D83OGy-psKz(~ixHMTY0VI3GUH23;KY#w2aX&$a?GESD}Mqr%!H?vVlXJ|_>;A(-
QWB6?c0X(UUPna8vD`v;>*O2{)Te>yGqYlNJ+C>lBAmFa<}X{#aEW++in#yO)%Hd7suw@v5Ho8+AdY0%$phw@|l`d^zAp64|
Nuaq}f4(e#P}TI+$Xr)U&G`oh)G{0)|_CjxLs{*Oz0;H2Ms3nY&)O(qF7|+wrxcXFaXk&UBGmRp0fBuQD2xWYX*k;54)J+=3
b|(Z(FN#HYeR4GD8S&B<r;xwM|k<x`n~p+R&AALUw|eDvJl=$d2_OR&x+R<TYdH?jI%nYQd$WllTxwVU3w<yq4g?K0P(^%+>
hvDUykVU}Zkg}hYMN^GnRl`uwk5QDbe#6~6up*Fp%1gOm%TMTR!*{GE$P22uQ+aA$+CRqnd%wY#p=dd#*?c&&NV2?0W!QK!P
C1t$iJZt4--{0h1HiKRwD@5KO_*CX_fXQ<>7?KZh95!%7ke}jc8~MD*cY3fzPqxwZyq?bJ=!@vbBKq-wej=ow<mfkWO3-bj+
UVD)K3e2-yYIA~)pN*1<ZM8enbJg#DZv>Ig!Dm<Ap^Rg`^d*9H?8aWL7XO(OsF%2>gx-apXE4bU|1}#VPu7}q=PHHw7BJID6
9}6pGxT%jm(~p(r_V2!^JStC5|xzm*+)i{4K5+xGKV0VE;0QvZ+)io2ArVBc?>m>j6_@Y7;k@8YJLm$erMrG++qS45r!-&vl
(vdT+JU2Zr=q3b!N2cOu7k1IK1azQ=Ljzym?9;^8bFB}Ezg+^XR*Q$?pri9u1!d5tIHo<9oidCX4aI0H&tIjM0KyuwwFshQ5
W)9;EquvJ#S6g4IKms@WOBZY<KcWGE!=#l<xjS+ej=tpXhK9d$mizI1OlDbK~q!g(@njk$P)kqD}Jm~}JBk42g3+XHA+vsm6
f3&5grQiL<g3{)rG4czx3277
"""
READ = {"zip": read_torch_zip, "legacy": read_torch_legacy}


def torch_file(kind: str) -> bytes:
    text = {"zip": TORCH_ZIP, "legacy": TORCH_LEGACY}[kind]
    return zlib.decompress(base64.b85decode("".join(text.split())))


@pytest.mark.parametrize("kind", sorted(READ))
def test_tensors_of_torch_come_back(tmp_path, kind):
    path = tmp_path / "w.pt"
    path.write_bytes(torch_file(kind))
    assert (is_torch_zip(path), is_torch_legacy(path)) == (kind == "zip", kind == "legacy")
    tree = READ[kind](path)
    base = np.arange(24, dtype=np.float32)
    expected = {
        "f": base.reshape(4, 6),
        "t": base.reshape(4, 6).T,
        "part": base[5:17:3],
        "h": np.array([1.5, -2], np.float16),
        "b": np.array([1.5, -3], ml_dtypes.bfloat16),
        "i": np.array([[1, -(2**40)]]),
        "s": np.float32(7),
        "p": np.ones(2, np.float32),
        "e": np.zeros((0, 3), np.float32),
        "y": np.array([True, False]),
    }
    assert tree.pop("n") == {"step": 3, "name": "x"}
    assert set(tree) == set(expected)
    for name, value in expected.items():
        assert tree[name].dtype == value.dtype
        np.testing.assert_array_equal(tree[name], value)


@pytest.mark.parametrize("kind", sorted(READ))
@settings(max_examples=100)
@given(data=st.data())
def test_damaged_torch_files_end_in_a_user_error(place, kind, data):
    (place / "w.pt").write_bytes(damaged(data, torch_file(kind)))
    result = outcome(READ[kind], place / "w.pt")
    assert not isinstance(result, UserError) or "w.pt" in str(result)


@pytest.mark.parametrize("kind", sorted(READ))
def test_a_missing_file_is_said(tmp_path, kind):
    with pytest.raises(UserError, match=r"Cannot read .*none\.pt: No such file"):
        READ[kind](tmp_path / "none.pt")


def rezipped(content: bytes, change, compression=zipfile.ZIP_STORED) -> bytes:
    """The zip with its members (a dict) passed through ``change``."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as new:
        for name, value in members.items():
            new.writestr(name, value)
    return buffer.getvalue()


def pickle_name(members) -> str:
    return next(n for n in members if n.endswith("/data.pkl"))


def set_pickle(content: bytes):
    return lambda members: members.update({pickle_name(members): content})


def swap(members):
    a, b = (n for n in members if n.endswith(("/data/0", "/data/3")))
    members[a], members[b] = members[b], members[a]


def drop(members):
    members.pop(next(n for n in members if n.endswith("/data/1")))


def big_endian(members):
    members[next(n for n in members if n.endswith("/byteorder"))] = b"big"


def tensor_pickle(size="K\x04\x85", stride="K\x01\x85", offset="K\x00", numel="K\x18") -> bytes:
    """A tensor over the file's first storage (24 float32) with some of it changed."""
    storage = "(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu" + numel + "tQ"
    text = "\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + size + stride
    return (text + "\x89Ntr\x00\x00\x00\x00R.").replace("r\x00\x00\x00\x00", "").encode("latin1")


def test_the_crafted_tensor_is_one(tmp_path):
    path = tmp_path / "w.pt"
    path.write_bytes(rezipped(torch_file("zip"), set_pickle(tensor_pickle(offset="K\x02"))))
    np.testing.assert_array_equal(read_torch_zip(path), [2, 3, 4, 5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swap, "bytes, not those of"),
        (drop, "is missing"),
        (big_endian, "big-endian"),
        (lambda m: m.pop(pickle_name(m)), "no data.pkl"),
        (set_pickle(tensor_pickle(size="K\x19\x85")), "outside of its storage"),
        (set_pickle(tensor_pickle(offset="K\x15")), "outside of its storage"),
        (set_pickle(tensor_pickle(stride="K\x08\x85")), "outside of its storage"),
        # A hundred numbers that all are the first.
        (set_pickle(tensor_pickle(size="K\x64\x85", stride="K\x00\x85")), "outside of its storage"),
        (set_pickle(tensor_pickle(offset="J\xff\xff\xff\xff")), "no count"),
        (set_pickle(tensor_pickle(stride="J\xff\xff\xff\xff\x85")), "no count"),
        (set_pickle(tensor_pickle(stride=")")), "strides"),
        (set_pickle(tensor_pickle(numel="J\xff\xff\xff\x7f")), "bytes, not those of"),
        (set_pickle(pickle.dumps(Calls(os.system, "true"), 2)), r"posix\.system"),
        (set_pickle(b"\x80\x02ctorch\nFloatStorage\n)R."), "storage of its own"),
        (set_pickle(b"\x80\x02ctorch.serialization\nload\n(U\x01xtR."), r"torch\.serialization"),
    ],
)
def test_crafted_torch_zips_are_refused(tmp_path, change, message):
    path = tmp_path / "w.pt"
    path.write_bytes(rezipped(torch_file("zip"), change))
    with pytest.raises(UserError, match=message):
        read_torch_zip(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "w.pt"

    def grow(members):
        members[next(n for n in members if n.endswith("/data/0"))] = bytes(10**7)

    path.write_bytes(rezipped(torch_file("zip"), grow, zipfile.ZIP_DEFLATED))
    with pytest.raises(UserError, match="compressed"):
        read_torch_zip(path)


@pytest.mark.parametrize("kind", sorted(READ))
def test_hostile_torch_files_run_nothing(tmp_path, kind):
    marker = tmp_path / "ran"
    bad = pickle.dumps({"w": Calls(os.system, f"touch {marker}")}, 2)
    if kind == "zip":
        content = rezipped(torch_file("zip"), set_pickle(bad))
    else:
        content = torch_file("legacy")
        stream = io.BytesIO(content)
        for _ in range(3):
            pickle.load(stream)
        content = content[: stream.tell()] + bad
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"posix\.system"):
        READ[kind](tmp_path / "w.pt")
    assert not marker.exists()


def test_a_legacy_storage_of_another_length_is_refused(tmp_path):
    content = torch_file("legacy")
    at = content.index(struct.pack("<q", 24))
    (tmp_path / "w.pt").write_bytes(content[:at] + struct.pack("<q", 2**40) + content[at + 8 :])
    with pytest.raises(UserError, match="cut off or of another size"):
        read_torch_legacy(tmp_path / "w.pt")


# The project's own format ----------------------------------------------------------------


def weights_of(gan) -> dict[str, np.ndarray]:
    return {path: variable.numpy() for path, variable in gan.variables_by_path().items()}


@pytest.mark.parametrize("half", [False, True])
def test_a_gan_comes_back(tiny_gan, tmp_path, half):
    notes = {"licence": "CC0", "fid": 12.5, "images_seen": 1000}
    save_gan(tiny_gan, tmp_path / "gan.npz", half=half, metadata=notes)
    back = load_gan(tmp_path / "gan.npz")
    assert type(back) is type(tiny_gan)
    assert back.config == tiny_gan.config
    expected, actual = weights_of(tiny_gan), weights_of(back)
    assert list(actual) == list(expected)
    for path, value in expected.items():
        if half and value.ndim > 1:
            value = value.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(actual[path], value)
    sha256 = hashlib.sha256((tmp_path / "gan.npz").read_bytes()).hexdigest()
    assert back.source_metadata == {
        **notes,
        "name": "gan.npz",
        "sha256": sha256,
    }
    again = load(tmp_path / "gan.npz")
    assert again.fingerprint() == back.fingerprint()


def test_numpy_alone_reads_it_and_it_is_the_same_every_time(tiny_dcgan, tmp_path):
    save_gan(tiny_dcgan, tmp_path / "a.npz")
    save_gan(tiny_dcgan, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert json.loads(str(stored["__metadata__"]))["architecture"] == "dcgan"
        for path, value in weights_of(tiny_dcgan).items():
            np.testing.assert_array_equal(stored[path], value)


def test_half_is_half_the_size(tmp_path):
    gan = build("dcgan", resolution=16, latent_dim=8, widths=[64, 64])
    save_gan(gan, tmp_path / "full.npz")
    save_gan(gan, tmp_path / "half.npz", half=True)
    full, half = (os.path.getsize(tmp_path / name) for name in ("full.npz", "half.npz"))
    assert half < 0.6 * full


def test_a_gan_without_discriminator_comes_back_without(tiny_dcgan, tmp_path):
    tiny_dcgan.discriminator = None
    save_gan(tiny_dcgan, tmp_path / "gan.npz")
    assert load(tmp_path / "gan.npz").discriminator is None


def test_what_float16_cannot_hold_stays_float32(tiny_dcgan, tmp_path):
    """A long training must not end because a variance grew."""
    kernels = tiny_dcgan.variables_by_path()
    kernel = kernels["generator/layer2/conv/kernel"]
    kernel.assign(np.full(kernel.shape, 1e5))
    save_gan(tiny_dcgan, tmp_path / "gan.npz", half=True)
    with np.load(tmp_path / "gan.npz") as stored:
        assert stored["generator/layer2/conv/kernel"].dtype == np.float32
        assert stored["generator/layer1/conv/kernel"].dtype == np.float16
    back = load(tmp_path / "gan.npz").variables_by_path()
    np.testing.assert_array_equal(back["generator/layer2/conv/kernel"], kernel)


@pytest.mark.parametrize(
    ("value", "half", "message"), [(np.nan, False, "not finite"), (-np.inf, True, "not finite")]
)
def test_weights_that_would_be_lost_are_not_saved(tiny_dcgan, tmp_path, value, half, message):
    kernel = tiny_dcgan.variables_by_path()["generator/layer2/conv/kernel"]
    kernel.assign(np.full(kernel.shape, value))
    with pytest.raises(UserError, match=f"generator/layer2/conv/kernel .*{message}"):
        save_gan(tiny_dcgan, tmp_path / "gan.npz", half=half)
    assert list(tmp_path.iterdir()) == []


def saved_arrays(gan, path) -> dict[str, np.ndarray]:
    save_gan(gan, path)
    with np.load(path) as stored:
        return dict(stored)


def test_every_weight_is_accounted_for(tiny_dcgan, tmp_path):
    path = tmp_path / "gan.npz"
    stored = saved_arrays(tiny_dcgan, path)
    stored.pop("generator/layer1/norm/beta")
    stored["generator/layer9/conv/kernel"] = np.zeros(3)
    stored["discriminator/layer1/conv/kernel"] = np.zeros((4, 4, 3, 3), np.float32)
    stored["generator/layer1/norm/gamma"] = np.array(["a"] * 8)
    np.savez(path, **stored)
    with pytest.raises(UserError) as error:
        load_gan(path)
    for part in (
        "missing generator/layer1/norm/beta",
        "unexpected generator/layer9/conv/kernel",
        "discriminator/layer1/conv/kernel of shape (4, 4, 3, 3), not (4, 4, 3, 8)",
        "generator/layer1/norm/gamma of dtype <U1",
    ):
        assert part in str(error.value)


def test_an_array_that_claims_too_much_is_not_unpacked(tiny_dcgan, tmp_path):
    path = tmp_path / "gan.npz"
    stored = saved_arrays(tiny_dcgan, path)
    stored["generator/layer1/norm/beta"] = np.zeros(10**7, np.float32)
    np.savez_compressed(path, **stored)
    assert os.path.getsize(path) < 10**6
    with pytest.raises(UserError, match="larger than it can be"):
        load_gan(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "not a GAN of save_gan"),
        ({"version": 99}, "update tf_fewshot"),
        ({"architecture": "dcgam"}, "Did you mean 'dcgan'"),
        ({"architecture": 3}, "no architecture"),
        ({"config": {"wide": 3}}, "cannot be built"),
        ({"config": {"resolution": "big"}}, "cannot be built"),
        ({"metadata": None}, "no metadata"),
    ],
)
def test_headers_that_do_not_fit(tiny_dcgan, tmp_path, changes, message):
    path = tmp_path / "gan.npz"
    stored = saved_arrays(tiny_dcgan, path)
    header = {**json.loads(str(stored["__metadata__"])), **changes}
    stored["__metadata__"] = np.array(json.dumps(header))
    np.savez(path, **stored)
    with pytest.raises(UserError, match=message):
        load_gan(path)


def test_a_pickled_array_is_never_unpickled(tiny_dcgan, tmp_path):
    path, marker = tmp_path / "gan.npz", tmp_path / "ran"
    stored = saved_arrays(tiny_dcgan, path)
    stored["generator/layer1/norm/beta"] = np.array(
        [Calls(os.system, f"touch {marker}")] * 8, object
    )
    np.savez(path, **stored)
    with pytest.raises(UserError, match="Object arrays cannot be loaded"):
        load(path)
    assert not marker.exists()


@pytest.fixture(scope="module")
def native_file(place) -> tuple[bytes, dict[str, np.ndarray]]:
    gan = build("dcgan", resolution=16, latent_dim=2, widths=[2, 2])
    save_gan(gan, place / "gan.npz", metadata={"a": 1})
    return (place / "gan.npz").read_bytes(), weights_of(gan)


@settings(max_examples=40)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_means_the_same(place, native_file, data):
    content, expected = native_file
    (place / "damaged.npz").write_bytes(damaged(data, content))
    result = outcome(load, place / "damaged.npz")
    if isinstance(result, UserError):
        assert "damaged.npz" in str(result)
    else:
        for path, value in weights_of(result).items():
            np.testing.assert_array_equal(value, expected[path])


def test_a_cut_off_file_says_so(place, native_file):
    (place / "cut.npz").write_bytes(native_file[0][:3000])
    with pytest.raises(UserError, match=r"cut\.npz is damaged, cut off or no \.npz"):
        load(place / "cut.npz")


# One door ----------------------------------------------------------------------------------


def test_unknown_sources_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'avataaars64'"):
        load("avataars64")
    with pytest.raises(UserError, match=r"No file .*mine\.npz, and no preset"):
        load(str(tmp_path / "mine.npz"))
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(UserError, match="no format that is known"):
        load(tmp_path / "text.npz")
    (tmp_path / "torch.pt").write_bytes(torch_file("zip"))
    with pytest.raises(UserError, match="without a state dict of a generator"):
        load(tmp_path / "torch.pt")


def test_the_format_is_told_by_content(tiny_dcgan, tmp_path):
    save_gan(tiny_dcgan, tmp_path / "weights.npz")
    (tmp_path / "weights.npz").rename(tmp_path / "weights")
    assert load(str(tmp_path / "weights")).fingerprint() == tiny_dcgan.fingerprint()


def test_presets_are_described():
    assert READERS
    for name, preset in PRESETS.items():
        assert preset.licence, name
        assert preset.about, name
        assert preset.architecture in (
            "stylegan",
            "stylegan2",
            "stylegan3",
            "progan",
            "dcgan",
            "sngan",
            "biggan",
            "biggan_deep",
        )


def test_a_packaged_file_that_is_missing_is_said():
    with pytest.raises(UserError, match="install tf_fewshot again"):
        PackagedFile("no-such-file.npz").fetch()
