"""Arrays and lines that may be damaged, and errors that quote them."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from tf_fewshot.archives import DamagedArraysError, read_array, read_arrays
from tf_fewshot.errors import UserError
from tf_fewshot.files import read_json_lines

A, B = np.arange(6).reshape(2, 3), np.array([1.5, -2], np.float32)


@pytest.fixture
def archive(tmp_path):
    np.savez(tmp_path / "a.npz", a=A, b=B)
    return tmp_path / "a.npz"


def test_whole_files(archive, tmp_path):
    arrays = read_arrays(archive)
    assert list(arrays) == ["a", "b"]
    np.testing.assert_array_equal(arrays["a"], A)
    np.testing.assert_array_equal(arrays["b"], B)
    assert list(read_arrays(archive, lambda names: [n for n in names if n == "b"])) == ["b"]
    np.save(tmp_path / "a.npy", A)
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), A)
    assert isinstance(read_array(tmp_path / "a.npy", mapped=True), np.memmap)


def test_each_is_told_from_the_other(archive, tmp_path):
    np.save(tmp_path / "a.npy", A)
    with pytest.raises(DamagedArraysError, match="it is a single array"):
        read_arrays(tmp_path / "a.npy")
    with pytest.raises(DamagedArraysError, match="an archive of several"):
        read_array(archive)
    for read in (read_array, read_arrays):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none")


def member(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", content)
    return buffer.getvalue()


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        member(b"")[:-30],
        member(b"no array"),
        member(header("{'descr': '<f4', 'fortran_order': False, 'shape': (")),
        member(header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + b"\x80\x02N."),
        member(header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,)}")),
        member(b"a" * 99).replace(b"a" * 99, b"b" * 99),
    ],
)
def test_damage_is_one_kind_of_error_in_one_line(content, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DamagedArraysError) as caught:
        read_arrays(tmp_path / "a.npz")
    assert str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) <= 300


def test_who_chooses_may_refuse(archive):
    def refuse(names):
        raise UserError(f"not {' and '.join(names)}")

    with pytest.raises(UserError, match="not a and b"):
        read_arrays(archive, refuse)


@pytest.mark.parametrize(
    ("line", "message"),
    [(b"\xff", "line 2 is not JSON"), (b"[1]", r"line 2 is no object of JSON, but b'\[1\]'")],
)
def test_damaged_lines(line, message, tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b'\n{"a": "\xc3\xa9"}\n')
    with pytest.raises(UserError, match=message):
        read_json_lines(path)
    # What was cut off is the last.
    path.write_bytes(b'{"a": 1}\n{"a": "\xc3')
    assert read_json_lines(path) == [{"a": 1}]


def test_an_error_is_one_line_that_steers_no_terminal():
    assert str(UserError("one\n  two\r\nthree")) == "one two three"
    assert str(UserError("a \x1b[31mred\x07 name\x9b é \u202f")) == (
        "a \\x1b[31mred\\x07 name\\x9b é \u202f"
    )
    long = str(UserError(f"begin {'x' * 5000} end"))
    assert long.startswith("begin x") and long.endswith("x end") and " … " in long
    assert len(long) < 1500
