"""Texts in pieces come back as they were, and what repeats is written once. Needs nothing."""

from __future__ import annotations

import json
import random

from hypothesis import given
from hypothesis import strategies as st
from nomoat_compiler.repetition import KEY, whole_texts, without_repetition

LINE = st.sampled_from(["let v_0 = v_3;", "v_12[0i] += v_1;", "override v_x: i32;", "", "x" * 40])
LINES = st.lists(LINE, max_size=30)


@given(texts=st.lists(LINES.map("\n".join), max_size=6))
def test_round_trip(texts: list[str]) -> None:
    assert whole_texts(without_repetition(texts)) == texts


def test_what_repeats_far_back_and_under_other_numbers_is_written_once() -> None:
    rng = random.Random(0)
    head = [f"  let v_{i} = {rng.random()};\n" for i in range(2000)]
    other = [f"  let v_{i + 7} = {line.split('= ')[1]}" for i, line in enumerate(head)]
    first, second = "".join(head), "".join(f"var v_{i} : f32;\n" for i in range(7)) + "".join(other)
    pieces = without_repetition([first, second])
    assert whole_texts(pieces) == [first, second]
    assert len(json.dumps(pieces[1])) < 4 * KEY
