"""The real TensorBoard and wandb: what was tracked is read back from their files.

Where the extras aren't installed these are skipped; `.ci/run` has a stage with them, in which they run.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from designer.runs import Run
from designer.trackers.choosing import trackers_of
from designer.trackers.points import MAX_TEXT
from tests.designer.example_run import candidate, example_run, finished, proposed
from tests.designer.hostile import HOSTILE, shown
from tests.designer.test_trackers import points_of, session

pytestmark = pytest.mark.filterwarnings("ignore")  # their own
with_tensorboard = pytest.mark.skipif(find_spec("tensorboard") is None, reason="the extra `tensorboard` is not installed")
with_wandb = pytest.mark.skipif(find_spec("wandb") is None, reason="the extra `wandb` is not installed")
ROOT = Path(__file__).parents[2]
EVENTS = finished()


def track(run: Run, name: str, events=(), said=None):
    ((_, tracker),) = trackers_of(name)
    said = session(run, tracker, events, said)
    assert said == []


# TensorBoard ---------------------------------------------------------------------------------------------------------


def scalars(folder: Path) -> list[tuple[str, str, int, float]]:
    """Return all numbers: series, tag, step, value; in the order of their names."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = []
    for part in sorted({path.parent for path in folder.rglob("*tfevents*")}):
        read = EventAccumulator(str(part), size_guidance={"scalars": 0, "tensors": 0})
        read.Reload()
        series = str(part.relative_to(folder))
        for tag in read.Tags()["scalars"]:
            found += [("" if series == "run" else series, tag, event.step, event.value) for event in read.Scalars(tag)]
    return sorted(found)


def expected() -> list[tuple[str, str, int, float]]:
    return sorted((p.series, p.tag, p.step, p.value) for p in points_of(EVENTS) if not isinstance(p.value, str))


@with_tensorboard
def test_tensorboard_reads_every_point_once_after_a_run_in_pieces(tmp_path):
    run = example_run(tmp_path / "run", EVENTS[:4])
    track(run, "tensorboard", EVENTS[4:7])
    track(run, "tensorboard", EVENTS[7:])
    own = run.folder / "tensorboard" / "run" / "events.out.tfevents.1.somebody-elses"
    own.write_bytes(b"")
    track(run, "tensorboard")
    assert own.exists()
    found = scalars(run.folder / "tensorboard")
    assert [point[:3] for point in found] == [point[:3] for point in expected()]
    assert [point[3] for point in found] == pytest.approx([point[3] for point in expected()])


@with_tensorboard
def test_text_of_a_candidate_is_a_block_of_code_in_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.text.text_plugin import text_array_to_html

    made = candidate("g01c00", why=HOSTILE, source=f'"""{HOSTILE}"""\n' * 200)
    run = example_run(tmp_path / "run", [proposed(made)])
    track(run, "tensorboard")
    read = EventAccumulator(str(run.folder / "tensorboard" / "g01c00"))
    read.Reload()
    (event,) = read.Tensors("code")
    (told,) = event.tensor_proto.string_val
    assert len(told) < 2 * MAX_TEXT
    assert not shown(told.decode().replace("\n", ""))
    import numpy as np

    page = text_array_to_html(np.array(told), True)
    assert page.startswith("<pre><code>")
    assert page.count("<") == page.count("</") * 2  # those of the block and nothing else


# W&B -----------------------------------------------------------------------------------------------------------------


def records(path: Path) -> Iterator[bytes]:
    """Yield the records of wandb's file: LevelDB's log format, in blocks of 32 KiB, behind seven bytes of its own."""
    data, at, part = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield part
            part = b""


def history(run: Run) -> list[dict[str, object]]:
    """Return the rows of a run's one offline folder, once W&B's other process has written its end down."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = (run.folder / "wandb").glob("offline-run-*/*.wandb")
    deadline = time.monotonic() + 30
    while True:
        found = [Record.FromString(raw) for raw in records(path)]
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            break
        assert time.monotonic() < deadline, "W&B never said that the run ended"
        time.sleep(0.1)
    rows = []
    for record in found:
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            rows.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items})
    return rows


@pytest.fixture
def off_line(monkeypatch):
    """No setting of whoever runs the tests."""
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@with_wandb
def test_wandb_off_line_holds_every_point_once_after_a_run_in_pieces(tmp_path, off_line):
    run = example_run(tmp_path / "run", EVENTS[:4])
    track(run, "wandb", EVENTS[4:7])
    track(run, "wandb", EVENTS[7:])
    rows = history(run)
    own = [{name: value for name, value in row.items() if not name.startswith("_")} for row in rows]
    found = [(name, row[axis], value) for row in own for axis in ("steps", "candidates", "calls") if axis in row
             for name, value in row.items() if name != axis]  # fmt: skip
    assert sorted(found, key=str) == sorted(((p.name, p.step, p.value) for p in points_of(EVENTS)), key=str)
    steps = [row["_step"] for row in rows]
    assert steps == sorted(set(steps))
    assert rows[0]["_timestamp"] < 1e6  # the journal's time in this test, not the time of writing


@with_wandb
def test_wandb_gets_texts_as_data(tmp_path, off_line):
    run = example_run(tmp_path / "run", [proposed(candidate("g01c00", why=HOSTILE, source=f'"""{HOSTILE}"""\n' * 200))])
    track(run, "wandb")
    (text,) = [row["g01c00/code"] for row in history(run) if "g01c00/code" in row]
    assert len(text) < MAX_TEXT + 10
    assert not shown(text.replace("\n", ""))


@with_wandb
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_wandb_off_line_connects_to_nobody(tmp_path, off_line):
    code = f"""
import sys
from pathlib import Path
from tests.designer.example_run import example_run, rounds
from tests.designer.test_trackers_real import track
track(example_run(Path({str(tmp_path)!r}) / "run", rounds()), "wandb")
"""
    log = tmp_path / "calls"
    command = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=connect,sendto,sendmsg",
        "-o",
        log,
        sys.executable,
        "-W",
        "ignore",
        "-c",
        code,
    ]
    subprocess.run(command, check=True, cwd=ROOT, timeout=120)
    calls = log.read_text().splitlines()
    assert any("AF_UNIX" in call for call in calls), "its own service is asked, so that calls are seen"
    assert not [call for call in calls if "AF_INET" in call]


@with_wandb
@with_tensorboard
def test_designer_imports_neither_before_it_is_asked_to():
    names = "{'wandb', 'tensorboard', 'numpy'}"
    code = f"import sys, designer.api, designer.cli, designer.trackers.choosing; sys.exit(bool({names} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
