"""What a model or a candidate wrote reaches a terminal as plain text."""

from __future__ import annotations

from designer.text import one_line, printable


def test_terminal_escapes_and_direction_marks_are_dropped():
    assert printable("a\x1b[31mred\x07\u202eb\u200b\x00") == "a[31mredb"


def test_line_breaks_tabs_and_other_scripts_stay():
    assert printable("é\n\t日本 – ✓") == "é\n\t日本 – ✓"


def test_long_text_is_cut_and_says_so():
    assert printable("x" * 50, limit=10) == "x" * 10 + " [...]"
    assert printable("x" * 10, limit=10) == "x" * 10


def test_carriage_return_can_not_overwrite_a_line():
    assert "\r" not in printable("harmless\rrm -rf")


def test_one_line_joins_all_white_space():
    assert one_line("a\n b\t\tc\r\nd") == "a b c d"
