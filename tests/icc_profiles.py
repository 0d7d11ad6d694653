"""Colour profiles made byte by byte, and what they mean in NumPy.

The layout is that of ICC.1:2001-04 (version 2.4).
"""

from __future__ import annotations

import itertools
import struct

import numpy as np

D50 = (0.9642, 1.0, 0.8249)
# Colorants adapted to D50, of Adobe RGB (1998) and of Display P3.
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
DISPLAY_P3 = (
    (0.51512, 0.24120, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.15710, 0.06657, 0.78407),
)
# From D50 to linear sRGB (Lindbloom).
_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)


def profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Returns a profile of some tags."""
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4s4s4s4s4s", offset + len(body), b"", b"\2\x40", kind, space, connection
    )
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += b"".join(map(_fixed, D50)) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(number * 65536))


def _xyz(values) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def of_rgb(colorants, gamma: float) -> bytes:
    """Returns the profile of a screen: three colorants, and one gamma."""
    tags = {b"wtpt": _xyz(D50)}
    tags |= {n + b"XYZ": _xyz(c) for n, c in zip((b"r", b"g", b"b"), colorants, strict=True)}
    tags |= {n + b"TRC": _curve(gamma) for n in (b"r", b"g", b"b")}
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


def of_grey(gamma: float) -> bytes:
    """Returns the profile of a grey screen."""
    return profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(D50), b"kTRC": _curve(gamma)})


def of_inks(lab) -> bytes:
    """Returns the profile of a printer.

    Args:
        lab: Gives L*a*b* for four inks, each of 0 or 1; between them it is linear.
    """
    grid = [lab(*inks) for inks in itertools.product((0, 1), repeat=4)]
    encoded = bytes(round(v) for L, a, b in grid for v in (L * 255 / 100, a + 128, b + 128))
    line = bytes(range(256))
    data = b"mft1\0\0\0\0" + struct.pack(">4B", 4, 3, 2, 0)
    data += b"".join(_fixed(float(i == j)) for i in range(3) for j in range(3))
    data += line * 4 + encoded + line * 3
    return profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(D50), b"A2B0": data, b"A2B1": data})


def srgb_of_light(light) -> np.ndarray:
    """Returns 0 to 255 for light in [0, 1], by the curve of IEC 61966-2-1."""
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def srgb_of_rgb(pixels, colorants, gamma: float) -> np.ndarray:
    """Returns sRGB, 0 to 255, of numbers of a screen ``[…, 3]``, 0 to 255."""
    light = (np.asarray(pixels) / 255.0) ** gamma
    return srgb_of_light(light @ np.array(colorants) @ _TO_SRGB.T)


def srgb_of_lab(L: float, a: float, b: float) -> np.ndarray:
    """Returns sRGB, 0 to 255, of L*a*b* (D50)."""
    f = np.array([(L + 16) / 116 + a / 500, (L + 16) / 116, (L + 16) / 116 - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2) * D50
    return srgb_of_light(xyz @ _TO_SRGB.T)
