"""A card reads back as it was written, and a wrong one is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import ModelCard, TrainingSession
from models.errors import ModelError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    name=st.text(),
    sessions=st.lists(st.builds(TrainingSession, st.text(), st.text(), st.integers(0)), max_size=3),
    metrics=st.dictionaries(st.text(), st.dictionaries(st.text(), st.floats(allow_nan=False), max_size=2), max_size=2),
)
def test_a_card_reads_back_as_it_was_written(
    name: str, sessions: list[TrainingSession], metrics: dict[str, dict[str, float]]
) -> None:
    card = ModelCard(name, 120, 160, sessions=tuple(sessions), metrics=metrics)
    assert ModelCard.from_json(card.to_json()) == card


@given(changes=st.dictionaries(st.sampled_from([*json.loads(ModelCard("a", 1, 1).to_json())]), JSON, min_size=1))
def test_any_other_value_is_refused_in_one_line_or_kept_with_its_type(changes: dict[str, Any]) -> None:
    content = json.loads(ModelCard("a", 1, 1).to_json()) | changes
    try:
        card = ModelCard.from_json(json.dumps(content))
    except ModelError as error:
        assert str(error).count("\n") == 0  # noqa: PT017
    else:
        assert isinstance(card.height, int)
        assert isinstance(card.name, str)
        assert all(isinstance(figures, dict) for figures in card.metrics.values())


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, '{"schema_version": "1"}'])
def test_what_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        ModelCard.from_json(text)


def test_a_key_from_a_later_minor_version_is_passed_over() -> None:
    content = json.loads(ModelCard("a", 1, 1).to_json()) | {"colour": "red"}
    assert ModelCard.from_json(json.dumps(content)) == ModelCard("a", 1, 1)


def test_a_key_with_a_line_break_is_refused_in_one_line() -> None:
    content = {**json.loads(ModelCard("a", 1, 1).to_json()), "sessions": [{"a\nb": 1}]}
    with pytest.raises(ModelError) as refused:
        ModelCard.from_json(json.dumps(content))
    assert "\n" not in str(refused.value)
