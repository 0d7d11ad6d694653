#!/usr/bin/env bash
# Pillow 13.0.0.
#
# The tRNS chunk of a PNG without alpha names one colour that is transparent, as a number of the
# file's own depth (PNG specification, 11.3.2.1). One expects that convert("RGBA") makes the pixels
# of that colour transparent at every depth.
#
# Seen: so it is at 1 and 8 bits. Grey of 2 and 4 bits is spread to 8 bits when it is read and RGB
# of 16 bits is cut to 8, but the colour in info["transparency"] stays the file's number: no pixel
# is of it, and all stay opaque, without a warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
cat >"$folder/case.py" <<'PYTHON'
import io
import struct
import zlib

from PIL import Image


def chunk(name, data):
    whole = name + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))


def shares_transparent(depth, kind, row, width, key):
    """The share of pixels that are transparent; half of each row is of that colour."""
    header = struct.pack(">IIBBBBB", width, 4, depth, kind, 0, 0, 0)
    parts = [
        chunk(b"IHDR", header),
        chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)),
        chunk(b"IDAT", zlib.compress((b"\0" + row) * 4)),
        chunk(b"IEND", b""),
    ]
    image = Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts)))
    alpha = image.convert("RGBA").getchannel("A").tobytes()
    return alpha.count(0) / len(alpha)


seen = {
    "grey, 1 bit": shares_transparent(1, 0, b"\x0f", 8, (1,)),
    "grey, 2 bits": shares_transparent(2, 0, b"\x55\xaa", 8, (1,)),
    "grey, 4 bits": shares_transparent(4, 0, b"\x55\x55\xaa\xaa", 8, (5,)),
    "grey, 8 bits": shares_transparent(8, 0, b"\x05" * 4 + b"\x09" * 4, 8, (5,)),
    "RGB, 8 bits": shares_transparent(8, 2, b"\x05\x06\x07\x01\x02\x03", 2, (5, 6, 7)),
    "RGB, 16 bits": shares_transparent(
        16, 2, bytes([5, 0, 6, 0, 7, 0, 1, 0, 2, 0, 3, 0]), 2, (0x500, 0x600, 0x700)
    ),
}
for name, share in seen.items():
    print(f"{name}: {share:.0%} of the pixels are transparent, where 50% are of that colour")
assert [n for n, s in seen.items() if s == 0.5] == ["grey, 1 bit", "grey, 8 bits", "RGB, 8 bits"]
assert [n for n, s in seen.items() if s == 0.0] == ["grey, 2 bits", "grey, 4 bits", "RGB, 16 bits"]
PYTHON
"$folder/venv/bin/python" "$folder/case.py"
