"""Tasks that are held out stay unseen: no word of the composer's lexicon, no prompt and no example is made for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from designer.proposers.composer.lexicon import PATTERNS

ROOT = Path(__file__).parents[2]
HELD_OUT_WORDS = ("spin", "hind", "rear up", "acrobot")


@pytest.mark.parametrize("word", HELD_OUT_WORDS)
def test_a_held_out_word_is_in_no_pattern_and_no_prompt(word: str):
    assert not [pattern for pattern in PATTERNS if word in pattern.phrases]
    assert not [path.name for path in (ROOT / "prompts").glob("*.j2") if f" {word}" in path.read_text().lower()]
