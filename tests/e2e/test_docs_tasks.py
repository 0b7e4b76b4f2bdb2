"""docs/tasks.md, followed word for word from an empty folder."""

from __future__ import annotations

import shlex
from pathlib import Path

from markdown_it import MarkdownIt

from tests.e2e.command import designer

DOCS = Path(__file__).parents[2] / "docs" / "tasks.md"
FASTER = (
    *("--training.steps", "2048", "--clips", "false", "--search.population", "1", "--search.confirm", "0"),
    *("--evaluation.episodes", "2", "--evaluation.checkpoints", "1"),
)


def test_every_block_of_the_page_works_as_it_stands(tmp_path: Path) -> None:
    typed = 0
    for block in MarkdownIt().parse(DOCS.read_text()):
        if block.type != "fence":
            continue
        language, _, name = block.info.partition(" ")
        if name:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.content)
            continue
        assert language == "sh", f"a block of docs/tasks.md has no file name: {block.content[:40]!r}"
        for line in block.content.replace("\\\n", " ").splitlines():
            program, *arguments = shlex.split(line)
            assert program == "designer"
            ended = designer(*arguments, *(FASTER if arguments[0] in ("run", "baseline") else ()), cwd=tmp_path)
            assert ended.code == 0, f"{line}\n{ended.err}"
            typed += 1
    assert typed >= 7
    assert len(list((tmp_path / "runs").glob("*/report.html"))) == 5
