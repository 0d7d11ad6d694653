"""Pictures whose numbers are not 8 bits of sRGB: profiles, gamma, depths, transparent colours."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from tf_fewshot.data import load_pictures
from tf_fewshot.errors import UserError

from . import icc_profiles as icc

ADOBE = icc.of_rgb(icc.ADOBE_RGB, 2.19921875)


def loaded(tmp_path, image, suffix=".png", size=16, **options):
    """Returns the pixels of a picture that was saved and loaded, and the notes."""
    path = tmp_path / f"a{suffix}"
    if isinstance(image, bytes):
        path.write_bytes(image)
    else:
        image.save(path, **options)
    pictures = load_pictures(path, size)
    return pictures.images[0].astype(int), pictures.notes


def solid(mode, colour):
    return Image.new(mode, (16, 16), colour)


# Profiles -------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_adobe_rgb_becomes_srgb(tmp_path, suffix):
    options = {".webp": {"lossless": True}, ".jpg": {"quality": 100, "subsampling": 0}}
    pixels, notes = loaded(
        tmp_path, solid("RGB", (106, 179, 72)), suffix, icc_profile=ADOBE, **options.get(suffix, {})
    )
    # The colour that a person chose, before it was saved as Adobe RGB.
    np.testing.assert_allclose(pixels[8, 8], (40, 180, 60), atol=3 if suffix == ".jpg" else 2)
    assert notes == ["1 picture was converted to sRGB from its colour profile"]


@pytest.mark.parametrize("colorants", [icc.ADOBE_RGB, icc.DISPLAY_P3])
def test_profiles_of_screens_agree_with_their_definition(tmp_path, colorants):
    noise = np.random.default_rng(0).integers(60, 200, (16, 16, 3), np.uint8)
    profile = icc.of_rgb(colorants, 2.19921875)
    pixels, _ = loaded(tmp_path, Image.fromarray(noise), icc_profile=profile)
    expected = icc.srgb_of_rgb(noise, colorants, 2.19921875)
    np.testing.assert_allclose(pixels, expected, atol=1.5)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_linear_grey(tmp_path, mode):
    image = solid(mode.replace("P", "RGB"), {"L": 55, "LA": (55, 255)}.get(mode, (55, 55, 55)))
    image = image.quantize(4) if mode == "P" else image
    profile = icc.of_grey(1.0) if mode in ("L", "LA") else icc.of_rgb(_srgb_colorants(), 1.0)
    pixels, notes = loaded(tmp_path, image, icc_profile=profile)
    assert (abs(pixels - 128) <= 1).all()
    assert notes[-1] == "1 picture was converted to sRGB from its colour profile"


def _srgb_colorants():
    return ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def test_a_grey_picture_with_the_profile_of_a_screen(tmp_path):
    profile = icc.of_rgb(_srgb_colorants(), 1.0)
    assert (abs(loaded(tmp_path, solid("L", 55), icc_profile=profile)[0] - 128) <= 1).all()


def test_sixteen_bit_grey_with_a_profile(tmp_path):
    image = Image.fromarray(np.full((16, 16), 55 * 257, np.uint16))
    pixels, _ = loaded(tmp_path, image, ".tif", icc_profile=icc.of_grey(1.0))
    assert (abs(pixels - 128) <= 1).all()


def test_cmyk_with_a_profile(tmp_path):
    def lab(cyan, magenta, yellow, black):
        paper = 0 if black else 1
        return (100 * paper * 0.7 ** (cyan + 2 * magenta), -40 * cyan * paper, 50 * yellow * paper)

    profile = icc.of_inks(lab)
    for inks in ((255, 0, 0, 0), (0, 0, 255, 0), (255, 255, 255, 0), (0, 0, 0, 255)):
        pixels, notes = loaded(tmp_path, solid("CMYK", inks), ".tif", icc_profile=profile)
        expected = icc.srgb_of_lab(*lab(*(ink / 255 for ink in inks)))
        np.testing.assert_allclose(pixels[0, 0], expected, atol=2)
        assert notes == [
            "1 CMYK picture was made RGB",
            "1 picture was converted to sRGB from its colour profile",
        ]
    paper, _ = loaded(tmp_path, solid("CMYK", (0, 0, 0, 0)), ".tif", icc_profile=profile)
    assert paper.min() >= 254


def test_transparency_outlives_the_conversion(tmp_path):
    image = solid("RGBA", (106, 179, 72, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 16))
    pixels, notes = loaded(tmp_path, image, icc_profile=ADOBE)
    np.testing.assert_allclose(pixels[0, 15], (40, 180, 60), atol=2)
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert len(notes) == 2


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_srgb_keeps_its_bits_and_is_not_told(tmp_path, mode):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    image = Image.fromarray(noise).convert(mode)
    pixels, notes = loaded(tmp_path, image, icc_profile=profile)
    np.testing.assert_array_equal(pixels, np.asarray(image.convert("RGB")))
    assert not any("profile" in note for note in notes)


@pytest.mark.parametrize(
    "profile", [b"no profile", ADOBE[:200], ADOBE[:-100] + bytes(100), icc.of_grey(1.0)]
)
def test_profiles_that_cannot_be_used(tmp_path, profile):
    pixels, notes = loaded(tmp_path, solid("RGB", (9, 8, 7)), icc_profile=profile)
    if not notes or "cannot be used" in notes[0]:
        assert (pixels == (9, 8, 7)).all()
    assert notes[0] in (
        "1 picture has a colour profile that cannot be used, and counts as sRGB",
        # With curves of nothing LittleCMS still computes.
        "1 picture was converted to sRGB from its colour profile",
    )


def test_lab_tiff(tmp_path):
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    image = ImageCms.applyTransform(solid("RGB", (200, 40, 90)), to_lab)
    pixels, notes = loaded(tmp_path, image, ".tif", size=8)
    np.testing.assert_allclose(pixels[4, 4], (200, 40, 90), atol=3)
    assert notes == ["1 L*a*b* picture was made RGB"]


def test_adobe_rgb_without_a_profile_is_told(tmp_path):
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 2}
    pixels, notes = loaded(tmp_path, solid("RGB", (9, 8, 7)), exif=exif)
    assert (pixels == (9, 8, 7)).all()
    assert notes[0].startswith("1 picture says that it is Adobe RGB, but has no colour profile")


# PNG, chunk by chunk --------------------------------------------------------------


def png(rows: bytes, width, depth, kind, *chunks):
    """Returns a PNG of eight alike rows."""

    def chunk(name, data):
        whole = name + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, 8, depth, kind, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress((b"\0" + rows) * 8))
    chunks = (chunk(b"IHDR", header), *(chunk(*c) for c in chunks), body, chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_gamma_of_a_png(tmp_path):
    def of(gamma, *more):
        return png(bytes([55] * 8), 8, 8, 0, *more, (b"gAMA", struct.pack(">I", gamma)))

    pixels, notes = loaded(tmp_path, of(100_000), size=8)
    assert (pixels == 128).all()
    assert notes[0] == "1 picture was converted to sRGB from its gamma"
    for usual in (of(45_455), of(100_000, (b"sRGB", b"\0"))):
        assert (loaded(tmp_path, usual, size=8)[0] == 55).all()
    # An old Macintosh: gamma 1.8.
    expected = icc.srgb_of_light((55 / 255) ** 1.8)
    np.testing.assert_allclose(loaded(tmp_path, of(55_556), size=8)[0], expected, atol=0.51)


@pytest.mark.parametrize(
    ("depth", "kind", "first", "second", "key", "left"),
    [
        (16, 0, b"\x03\xe8", b"\x07\xd0", (1000,), 8),
        (8, 0, b"\x05", b"\x09", (5,), 9),
        (4, 0, b"\x55", b"\xaa", (5,), 170),
        (2, 0, b"\x55", b"\xaa", (1,), 170),
        (8, 2, b"\x05\x06\x07", b"\x09" * 3, (5, 6, 7), 9),
        (16, 2, b"\x05\x00\x06\x00\x07\x00", b"\x09\x00" * 3, (0x500, 0x600, 0x700), 9),
    ],
)
def test_transparent_colour_of_a_png(tmp_path, depth, kind, first, second, key, left):
    """Half of the picture has the colour that is transparent, at every depth that PNG knows."""
    whole = first * (8 if depth >= 8 else depth) + second * (8 if depth >= 8 else depth)
    data = png(whole, 16, depth, kind, (b"tRNS", struct.pack(f">{len(key)}H", *key)))
    path = tmp_path / "a.png"
    path.write_bytes(data)
    pictures = load_pictures(path, (8, 16))
    assert (pictures.images[0, :, :8] == 255).all()
    assert (pictures.images[0, :, 8:] == left).all()
    assert "1 transparent picture was put on white" in pictures.notes


# Depths of TIFF -------------------------------------------------------------------


@pytest.mark.parametrize("white_is_zero", [True, False])
@pytest.mark.parametrize("turned", [1, 3])
def test_sixteen_bit_tiff(tmp_path, white_is_zero, turned):
    values = np.linspace(0, 65535, 256).reshape(16, 16).round().astype(np.uint16)
    tags = {262: 0 if white_is_zero else 1, 274: turned}
    pixels, notes = loaded(tmp_path, Image.fromarray(values), ".tif", tiffinfo=tags)
    expected = (65535 - values.astype(float) if white_is_zero else values) / 257
    expected = expected if turned == 1 else expected[::-1, ::-1]
    np.testing.assert_allclose(pixels[..., 0], expected, atol=0.51)
    assert "1 16-bit picture was made 8-bit" in notes


def test_twelve_bit_tiff(tmp_path):
    """Two numbers in three bytes, as cameras of microscopes write them."""
    values = np.linspace(0, 4095, 64).round().astype(int)
    strip = b"".join((a << 12 | b).to_bytes(3, "big") for a, b in values.reshape(-1, 2).tolist())
    tags = {256: 8, 257: 8, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1}
    tags |= {278: 8, 279: len(strip)}
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in tags.items())
    data = struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip + directory + bytes(4)
    pixels, _ = loaded(tmp_path, data, ".tif", size=8)
    expected = values / 4095 * 255
    np.testing.assert_allclose(pixels[..., 0].ravel(), expected, atol=0.51)


def test_more_than_sixteen_bits(tmp_path):
    image = Image.fromarray(np.full((16, 16), 70_000, np.int32))
    with pytest.raises(UserError, match="more than 16 bits"):
        loaded(tmp_path, image, ".tif")
