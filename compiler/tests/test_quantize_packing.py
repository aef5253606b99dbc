"""Packing into words and back loses nothing, and puts element r at bit r*bits. Needs nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from nomoat_compiler.quantize.packing import pack_words, unpack_words
from nomoat_compiler.scheme import QUAD_BITS, QUAD_FIELDS


@pytest.mark.parametrize("bits", [4, 8])
@given(data=st.data())
def test_round_trip_and_position_of_every_element(bits: int, data: st.DataObject) -> None:
    per_word = 32 // bits
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 6).map(lambda words: words * per_word)))
    values = data.draw(arrays(np.uint8, shape, elements=st.integers(0, 2**bits - 1)))
    words = pack_words(values, bits)
    assert words.dtype == np.dtype("<u4")
    assert words.shape == (shape[0], shape[1] // per_word)
    for row in range(shape[0]):
        for column in range(shape[1]):
            word, r = divmod(column, per_word)
            assert int(words[row, word]) >> (r * bits) & (2**bits - 1) == values[row, column]
    np.testing.assert_array_equal(unpack_words(words, bits), values)


@pytest.mark.parametrize("bits", [4, 8])
@given(words=arrays(np.uint32, st.tuples(st.integers(1, 4), st.integers(1, 8))))
def test_every_word_survives(bits: int, words: np.ndarray) -> None:
    np.testing.assert_array_equal(pack_words(unpack_words(words, bits), bits), words)


@pytest.mark.parametrize("bits", QUAD_BITS)
@given(data=st.data())
def test_widths_that_share_words(bits: int, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3).map(lambda blocks: blocks * 32)))
    values = data.draw(arrays(np.uint8, shape, elements=st.integers(0, 2**bits - 1)))
    words = pack_words(values, bits)
    assert words.dtype == np.dtype("<u4")
    assert words.shape == (shape[0], shape[1] * bits // 32)
    np.testing.assert_array_equal(unpack_words(words, bits), values)
    for column in range(shape[1]):
        block, element = divmod(column, 32)
        quad, byte = divmod(element, 4)
        q, low = np.zeros(shape[0], np.uint32), 0
        for word, bit, width in QUAD_FIELDS[bits][quad]:
            q |= (words[:, block * bits + word] >> (8 * byte + bit) & (2**width - 1)) << low
            low += width
        np.testing.assert_array_equal(q, values[:, column])


def test_views_that_are_not_contiguous() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(4, 64)
    for bits in (4, 8):
        masked = values & np.uint8(2**bits - 1)
        np.testing.assert_array_equal(unpack_words(pack_words(masked.T.copy().T, bits), bits), masked)
        np.testing.assert_array_equal(unpack_words(pack_words(masked[:, ::2], bits), bits), masked[:, ::2])
