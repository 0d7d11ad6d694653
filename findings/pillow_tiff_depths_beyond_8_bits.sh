#!/usr/bin/env bash
# Pillow 13.0.0.
#
# A grey TIFF says how many bits a pixel has and whether zero is black or white (TIFF 6.0,
# BitsPerSample and PhotometricInterpretation). One expects the same picture at every depth: white
# is the largest number of the mode that it is opened in.
#
# Seen: of 8 bits with white as zero the numbers are turned around. Of 16 bits with white as zero
# they are not: the picture is its own negative. Of 12 bits they stay 0 to 4095 in mode I;16, whose
# white is 65535, so that all of it is nearly black. Neither is warned of.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
cat >"$folder/case.py" <<'PYTHON'
import io
import struct

from PIL import Image

BLACK_IS_ZERO, WHITE_IS_ZERO = 1, 0


def opened(bits, photometric, strip):
    """A TIFF of two pixels, which are as dark and as light as it can say."""
    tags = {256: 2, 257: 1, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: 1}
    tags[279] = len(strip)
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in sorted(tags.items()))
    offset = 8 + len(strip)
    data = struct.pack("<2sHI", b"II", 42, offset) + strip + directory + bytes(4)
    image = Image.open(io.BytesIO(data))
    return image.mode, [image.getpixel((x, 0)) for x in range(2)]


seen = {
    "8 bits, black is 0": opened(8, BLACK_IS_ZERO, b"\x00\xff"),
    "8 bits, white is 0": opened(8, WHITE_IS_ZERO, b"\xff\x00"),
    "16 bits, black is 0": opened(16, BLACK_IS_ZERO, b"\x00\x00\xff\xff"),
    "16 bits, white is 0": opened(16, WHITE_IS_ZERO, b"\xff\xff\x00\x00"),
    "12 bits, black is 0": opened(12, BLACK_IS_ZERO, b"\x00\x0f\xff"),
}
for name, (mode, pixels) in seen.items():
    print(f"{name}: the dark and the light pixel are {pixels} in mode {mode}")
assert seen["8 bits, black is 0"] == seen["8 bits, white is 0"] == ("L", [0, 255])
assert seen["16 bits, black is 0"] == ("I;16", [0, 65535])
assert seen["16 bits, white is 0"] == ("I;16", [65535, 0])
assert seen["12 bits, black is 0"] == ("I;16", [0, 4095])
PYTHON
"$folder/venv/bin/python" "$folder/case.py"
