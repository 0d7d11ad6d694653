"""Main colours of pictures, pictures in other colours, and collages of both."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tf_fewshot.data.augment import to_float, to_uint8
from tf_fewshot.data.collages import Collages
from tf_fewshot.data.main_colours import MainColours

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
RED, GREEN, BLUE = (220, 30, 40), (20, 180, 60), (40, 60, 200)


def figure(body, hat, size: int = 20) -> np.ndarray:
    """A body and a smaller hat on white, both with a black line around them."""
    picture = np.full((size, size, 3), 255, np.uint8)
    picture[8:18, 4:16], picture[9:17, 5:15] = BLACK, body
    picture[2:7, 6:14], picture[3:6, 7:13] = BLACK, hat
    return picture


FIGURES = np.stack([figure(RED, GREEN), figure(GREEN, BLUE), figure(BLUE, RED)])


def test_main_colours_are_those_that_cover_most():
    found = MainColours(FIGURES, 6)
    assert found.colours.dtype == np.float32 and found.known.dtype == bool
    np.testing.assert_array_equal(found.known, [[True] * 4 + [False] * 2] * 3)
    np.testing.assert_allclose(found.colours[0, :4], [WHITE, RED, BLACK, GREEN], atol=1e-3)
    np.testing.assert_array_equal(found.colours[:, 4:], 0.0)
    np.testing.assert_allclose(MainColours(FIGURES, 1).colours[0], [WHITE], atol=1e-3)


def test_places_are_where_colours_are():
    """Those of a picture share its grid; a body is below its hat."""
    places = MainColours(FIGURES, 6).places.reshape(3, 6, 16, 16)
    np.testing.assert_allclose(places.sum(1), 1.0, atol=0.15)
    np.testing.assert_array_equal(places[:, 4:], 0.0)
    body, hat = places[0, 1], places[0, 3]
    rows = np.arange(16)
    assert (body.sum(1) @ rows) / body.sum() > (hat.sum(1) @ rows) / hat.sum() + 5


def test_shades_of_one_colour_are_one():
    found = MainColours(np.stack([figure(RED, (230, 45, 50))]), 6)
    np.testing.assert_array_equal(found.known[0], [True] * 3 + [False] * 3)


def in_colours_of(images: np.ndarray, one: int, other: int) -> np.ndarray:
    """One of the pictures in the colours of another, as integers."""
    numbers = (tf.constant([one]), tf.constant([other]))
    made = MainColours(images, 6).exchanged(tf.constant(to_float(images[[one]])), *numbers)
    return np.asarray(to_uint8(made))[0].astype(int)


def test_a_picture_in_the_colours_of_another():
    """The body takes the colour of the body and the hat that of the hat, whatever covers more."""
    np.testing.assert_allclose(in_colours_of(FIGURES, 0, 1), FIGURES[1], atol=12)
    np.testing.assert_allclose(in_colours_of(FIGURES, 2, 2), FIGURES[2], atol=1)


def test_what_has_no_counterpart_at_its_place_stays():
    hatless = figure(BLUE, BLUE)
    hatless[:8] = WHITE
    made = in_colours_of(np.stack([FIGURES[0], hatless]), 0, 1)
    np.testing.assert_allclose(made[13, 10], BLUE, atol=6)
    np.testing.assert_allclose(made[4, 10], GREEN, atol=6)
    np.testing.assert_allclose(made[0, 0], WHITE, atol=1)


def test_shades_move_along():
    """What is a little darker than a main colour is as much darker than the new one."""
    shaded = FIGURES.copy()
    shaded[0, 14:17, 5:15] = np.array(RED) - 12
    made = in_colours_of(shaded, 0, 1)
    np.testing.assert_allclose(made[10, 10] - made[15, 10], 12, atol=6)


def test_edges_are_of_what_is_around_them():
    """Half of red and half of white is no pink main colour, and moves half way."""
    soft = np.full((2, 20, 20, 3), 255, np.uint8)
    soft[0, :, :8], soft[1, :, :8] = RED, BLUE
    soft[0, :, 8] = (np.array(RED) + 255) // 2 + 15
    # A pink that is a colour of its own, elsewhere: the edge is nearest to that.
    soft[0, :, 15:], soft[1, :, 15:] = (np.array(RED) + 255) // 2, GREEN
    made = in_colours_of(soft, 0, 1)
    np.testing.assert_allclose(made[10, 17], GREEN, atol=8)
    np.testing.assert_allclose(made[10, 3], BLUE, atol=6)
    moved = made[10, 8] - soft[0, 10, 8].astype(int)
    np.testing.assert_allclose(moved, (np.array(BLUE) - RED) / 2, atol=30)


@settings(max_examples=25)
@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 4), st.just(6), st.just(5), st.integers(1, 4))
    ),
    st.integers(1, 3),
)
def test_any_pictures(images, count):
    found = MainColours(images, count)
    assert found.colours.shape == (len(images), count, images.shape[-1])
    assert np.all((found.places >= 0) & (found.places <= 1 + 1e-5))
    # What is not known comes last, and is nothing.
    assert np.all(np.diff(found.known.astype(int), axis=1) <= 0)
    np.testing.assert_array_equal(found.colours[~found.known], 0.0)
    # In its own colours each picture is what it was.
    make = Collages(images, 2, count, 0.25)
    own = np.repeat(np.arange(len(images), dtype=np.int32)[:, None], make.choices, 1)
    np.testing.assert_array_equal(to_uint8(np.asarray(make(tf.constant(own)))), images)


def test_a_collage_has_bands_and_colours():
    make = Collages(FIGURES, parts=2, colours=6, seam=0.01)
    assert make.choices == 3
    made = np.asarray(to_uint8(make(tf.constant([[0, 1, 2]]))))[0].astype(int)
    # The hat of the first and the body of the second, as the third has them.
    np.testing.assert_allclose(made[4, 10], RED, atol=6)
    np.testing.assert_allclose(made[13, 10], BLUE, atol=6)
    np.testing.assert_allclose(made[0, 0], WHITE, atol=1)
    plain = Collages(FIGURES, parts=2, colours=0, seam=0.01)
    assert plain.choices == 2
    made = np.asarray(to_uint8(plain(tf.constant([[0, 1]]))))[0]
    np.testing.assert_array_equal(made[4, 10], GREEN)
    np.testing.assert_array_equal(made[13, 10], GREEN)


@pytest.mark.parametrize("channels", [1, 4])
def test_any_channels(channels):
    images = np.random.default_rng(0).integers(0, 2, (3, 8, 8, channels)).astype(np.uint8) * 200
    made = Collages(images, 2, 2, 0.25)(tf.constant([[0, 1, 2]]))
    assert made.shape == (1, 8, 8, channels)
