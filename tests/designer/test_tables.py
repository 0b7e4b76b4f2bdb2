"""A native world's table is measured once for the same code, packages and seed; every other world's each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from designer import assemble
from designer.assemble import describe
from designer.config import Config
from designer.tables import Measured, tables_root
from designer.world_source import WorldSource, locate_world
from tests.designer.cheetah_table import cheetah_table

FACTS = {"world": "half_cheetah", "seed": 1}


@pytest.fixture(autouse=True)
def own_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESIGNER_TABLES", str(tmp_path / "tables"))
    return tmp_path / "tables"


def measured(world: WorldSource | None = None, facts: dict | None = None, worker: str = "a worker") -> Measured:
    return Measured(world or locate_world("half_cheetah"), Config(), worker, facts or FACTS)


def test_a_box_measures_once_and_the_next_run_takes_the_same_over(monkeypatch: pytest.MonkeyPatch):
    first = describe(locate_world("pendulum"), Config())
    monkeypatch.setattr(assemble, "provider_of", NoBox)
    assert describe(locate_world("pendulum"), Config()) == first
    with pytest.raises(AssertionError, match="a box was asked"):
        describe(locate_world("pendulum"), Config(), anew=True)
    with pytest.raises(AssertionError, match="a box was asked"):
        describe(locate_world("pendulum"), Config.model_validate({"search": {"seed": 3}}))


class NoBox:
    """A sandbox that must not be needed."""

    name = "embedded"

    def __init__(self, config: Config) -> None:
        pass

    def executor(self, code: Path) -> NoBox:
        return self

    def run(self, *_: object) -> None:
        raise AssertionError("a box was asked")


def test_another_seed_or_other_code_is_another_table():
    table = cheetah_table()
    measured().keep({"status": "ok", "table": table.model_dump(mode="json")})
    assert measured().fetch() == table
    assert measured(facts={**FACTS, "seed": 2}).fetch() is None
    assert measured(worker="another worker").fetch() is None


def test_what_is_not_native_is_never_kept(tmp_path: Path, own_tables: Path):
    (tmp_path / "mine").mkdir()
    for world in (WorldSource("CartPole-v1"), WorldSource("package:Thing-v0"), WorldSource("half_cheetah", tmp_path / "mine")):
        measured(world).keep({"status": "ok"})
        assert measured(world).fetch() is None
    own = Config.model_validate({"worker": {"python": str(tmp_path / "python")}})
    Measured(locate_world("half_cheetah"), own, "a worker", FACTS).keep({"status": "ok"})
    assert not own_tables.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"status": "ok"}', b"\xff"])
def test_a_broken_file_is_measured_anew(own_tables: Path, content: bytes):
    measured().keep({"status": "ok"})
    (file,) = own_tables.iterdir()
    file.write_bytes(content)
    assert measured().fetch() is None


def test_a_disk_that_refuses_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DESIGNER_TABLES", str(tmp_path / "file" / "tables"))
    measured().keep({"status": "ok"})
    assert measured().fetch() is None


def test_the_folder_can_be_named(tmp_path: Path):
    assert tables_root({"DESIGNER_TABLES": str(tmp_path)}) == tmp_path
    assert tables_root({"XDG_CACHE_HOME": "/x"}) == Path("/x/designer/tables")
