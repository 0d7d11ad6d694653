"""Main colours of pictures, pictures in other colours, and collages of both."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tf_fewshot.data.augment import to_float, to_uint8
from tf_fewshot.data.collages import Collages
from tf_fewshot.data.main_colours import main_colours, recoloured

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
RED, GREEN, BLUE = (220, 30, 40), (20, 180, 60), (40, 60, 200)


def figure(body, hat, size: int = 20) -> np.ndarray:
    """A body and a smaller hat on white, both with a black line around them."""
    picture = np.full((size, size, 3), 255, np.uint8)
    picture[8:18, 4:16], picture[9:17, 5:15] = BLACK, body
    picture[2:7, 6:14], picture[3:6, 7:13] = BLACK, hat
    return picture


FIGURES = np.stack([figure(RED, GREEN), figure(GREEN, BLUE), figure(BLUE, RED)])


def test_main_colours_are_those_that_set_a_picture_apart():
    """White and black cover more than the hat does, but all pictures have them."""
    colours, known = main_colours(FIGURES, 3)
    assert colours.dtype == np.float32 and known.dtype == bool
    np.testing.assert_array_equal(known, [[True, True, False]] * 3)
    expected = [[RED, GREEN], [GREEN, BLUE], [BLUE, RED]]
    np.testing.assert_allclose(colours[:, :2], expected, atol=1e-4)
    np.testing.assert_array_equal(colours[:, 2], 0.0)


def test_drawings_that_share_their_colours_have_none():
    lines = np.stack([figure(WHITE, WHITE)] * 4)
    lines[0, 10:12] = BLACK
    assert not main_colours(lines, 2)[1].any()


def test_shades_of_one_colour_are_one():
    """Neighbours of a main colour are no second one, whatever they cover."""
    picture = figure(RED, (225, 60, 70))
    (first, _), known = (x[0] for x in main_colours(np.stack([picture, FIGURES[1]]), 2))
    np.testing.assert_allclose(first, RED, atol=1e-4)
    assert known.tolist() == [True, False]


def test_one_picture_alone_has_its_largest_colours():
    colours, known = main_colours(FIGURES[:1], 2)
    assert known.all()
    np.testing.assert_allclose(colours[0, 0], WHITE, atol=1e-4)


def in_colours_of(one: int, other: int) -> np.ndarray:
    colours, known = main_colours(FIGURES, 2)
    mine, others = (tf.constant(to_float(colours[[n]])) for n in (one, other))
    both = tf.constant(known[[one]] & known[[other]])
    return np.asarray(
        to_uint8(recoloured(tf.constant(to_float(FIGURES[[one]])), mine, others, both))
    )[0]


def test_a_picture_in_the_colours_of_another():
    np.testing.assert_allclose(in_colours_of(0, 1).astype(int), FIGURES[1], atol=6)
    # Its own change nothing.
    np.testing.assert_array_equal(in_colours_of(2, 2), FIGURES[2])


def test_colours_that_one_of_both_lacks_stay():
    plain = np.stack([figure(RED, RED), figure(BLUE, GREEN)])
    colours, known = main_colours(plain, 2)
    assert known.tolist() == [[True, False], [True, True]]
    make = Collages(plain, parts=1, colours=2, seam=0.25)
    made = np.asarray(to_uint8(make(tf.constant([[1, 0]]))))[0].astype(int)
    np.testing.assert_allclose(made[12, 10], RED, atol=6)
    np.testing.assert_allclose(made[4, 10], GREEN, atol=6)


def test_shades_move_along():
    """What is a little darker than the main colour is as much darker than the new one."""
    shaded = FIGURES.copy()
    shaded[0, 14:17, 5:15] = np.array(RED) - 15
    colours, known = main_colours(shaded, 1)
    made = recoloured(
        tf.constant(to_float(shaded[:1])),
        tf.constant(to_float(colours[[0]])),
        tf.constant(to_float(colours[[1]])),
        tf.constant(known[[0]]),
    )
    darker, lighter = np.asarray(to_uint8(made))[0][[15, 10], 10].astype(int)
    assert np.all(lighter - darker >= 8) and np.all(lighter - darker <= 30)


@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 4), st.just(6), st.just(5), st.integers(1, 4))
    ),
    st.integers(1, 3),
)
def test_any_pictures(images, count):
    colours, known = main_colours(images, count)
    assert (
        colours.shape == (*known.shape, images.shape[-1]) == (len(images), count, images.shape[-1])
    )
    assert np.all((colours >= 0) & (colours <= 255))
    # What is not known comes last, and is nothing.
    assert np.all(np.diff(known.astype(int), axis=1) <= 0)
    np.testing.assert_array_equal(colours[~known], 0.0)
    make = Collages(images, 2, count, 0.25)
    own = np.repeat(np.arange(len(images), dtype=np.int32)[:, None], make.choices, 1)
    np.testing.assert_array_equal(to_uint8(np.asarray(make(tf.constant(own)))), images)


def test_a_collage_has_bands_and_colours():
    make = Collages(FIGURES, parts=2, colours=2, seam=0.01)
    assert make.choices == 3
    made = np.asarray(to_uint8(make(tf.constant([[0, 1, 2]]))))[0].astype(int)
    # The hat of the first and the body of the second, as the third has them.
    np.testing.assert_allclose(made[4, 10], RED, atol=6)
    np.testing.assert_allclose(made[13, 10], BLUE, atol=6)
    np.testing.assert_array_equal(made[0, 0], WHITE)
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
