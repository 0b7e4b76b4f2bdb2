"""What comes out of a box is hostile until it is read: every broken frame is refused, cheaply."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc

import pytest

from designer.executors.stream import MAX_CURVES_LINES, MAX_JSON_BYTES, FrameReader, StreamRefusedError, parse

RESULT = "result.json"


def frame(name: str | bytes, payload: bytes, size: int | None = None) -> bytes:
    encoded = name if isinstance(name, bytes) else name.encode()
    claimed = len(payload) if size is None else size
    return b"DSGN" + struct.pack(">B", len(encoded)) + encoded + struct.pack(">Q", claimed) + payload


def reader(folder, max_bytes=10**6, told=None) -> FrameReader:
    return FrameReader(folder, max_bytes, (told if told is not None else []).append)


STREAM = (
    frame("progress", b'{"share": 0.5, "note": "text is left out"}')
    + frame("policy.safetensors", bytes(range(256)))
    + frame("progress", b'{"share": 1}')
    + frame(RESULT, b'{"status": "ok", "n": 3}')
)


def test_frames_become_files_progress_and_a_result(tmp_path):
    told = []
    taking = reader(tmp_path, told=told)
    taking.feed(STREAM)
    assert told == [{"share": 0.5}, {"share": 1.0}]
    assert taking.result == {"status": "ok", "n": 3}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.safetensors", RESULT]
    assert (tmp_path / "policy.safetensors").read_bytes() == bytes(range(256))


def test_frames_may_be_split_at_any_byte(tmp_path):
    stream = frame("progress", b'{"a": 1}') + frame("clip.mp4", b"film") + frame(RESULT, b"{}")
    for cut in range(len(stream) + 1):
        told = []
        taking = reader(tmp_path, told=told)
        taking.feed(stream[:cut])
        taking.feed(stream[cut:])
        assert (taking.result, told) == ({}, [{"a": 1.0}])
    assert (tmp_path / "clip.mp4").read_bytes() == b"film"


def test_frames_may_come_byte_by_byte(tmp_path):
    taking = reader(tmp_path)
    for number in range(len(STREAM)):
        taking.feed(STREAM[number : number + 1])
    assert taking.result == {"status": "ok", "n": 3}


@pytest.mark.parametrize("cut", [1, 5, 13, len(STREAM) - 1])
def test_truncated_stream_has_no_result(tmp_path, cut):
    taking = reader(tmp_path)
    taking.feed(STREAM[:cut])
    assert taking.result is None
    assert not (tmp_path / RESULT).exists()


@pytest.mark.parametrize(
    "sent",
    [
        b"Traceback (most recent call last):",
        b"D\x00",
        b"DSG\n",
        frame("job.json", b"{}"),
        frame("reward.py", b""),
        frame("ended.json", b"{}"),
        frame("../result.json", b"{}"),
        frame("../../evil", b"x"),
        frame("/tmp/result.json", b"{}"),
        frame("result.json\x00", b"{}"),
        frame("", b""),
        frame(b"\xff\xfe", b""),
        frame("x" * 255, b""),
        frame("policy.safetensors", b"a") * 2,
        frame(RESULT, b"{}") * 2,
        frame("policy.safetensors", b"", size=2**64 - 1),
        frame("policy.safetensors", b"", size=10**6 + 1),
        frame(RESULT, b"", size=MAX_JSON_BYTES + 1),
        frame("progress", b"", size=5000),
        frame("progress", b"[1]"),
        frame("progress", b'{"share": ' + b"9" * 4000 + b"}"),
        STREAM + b"more",
    ],
)
def test_broken_frame_is_refused(tmp_path, sent):
    folder = tmp_path / "job"
    with pytest.raises(StreamRefusedError):
        reader(folder).feed(sent)
    assert [path.name for path in tmp_path.iterdir()] in ([], ["job"])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"1" * 10**6 + b"}",
        b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}",
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"[" * 10**6,
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
    ],
)
def test_json_that_a_later_reader_could_choke_on_is_refused(payload):
    with pytest.raises(StreamRefusedError):
        parse(payload)


def test_ordinary_json_is_read():
    content = {"a": [1, -2.5, None, True, "é"], "b": {"c": [[0]]}, "largest": 10**17}
    assert parse(json.dumps(content).encode()) == content


def test_box_that_sends_more_than_it_may_is_refused(tmp_path):
    taking = reader(tmp_path, max_bytes=1000)
    with pytest.raises(StreamRefusedError, match="more bytes"):
        taking.feed(frame("policy.safetensors", b"", size=900) + b"x" * 1000)


def test_huge_claim_costs_no_memory(tmp_path):
    taking = reader(tmp_path, max_bytes=2**62)
    tracemalloc.start()
    taking.feed(frame("policy.safetensors", b"x", size=2**61))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_densest_result_costs_memory_in_proportion(tmp_path):
    nested = b'{"a": [' + b"{}," * 100_000 + b"0]}"
    tracemalloc.start()
    reader(tmp_path).feed(frame(RESULT, nested))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak * MAX_JSON_BYTES / len(nested) < 400 * 1024**2


def test_many_small_frames_take_time_in_proportion(tmp_path):
    """A chunk of many frames is taken apart without copying the rest of it for each."""
    told = []
    started = time.process_time()
    reader(tmp_path, told=told).feed(frame("progress", b'{"a":1}') * 30_000)
    assert len(told) == 30_000
    assert time.process_time() - started < 5


def test_of_millions_of_lines_only_the_first_are_read(tmp_path):
    lines = b'{"a": 1}\n' * MAX_CURVES_LINES + b"\n" * 5_000_000
    tracemalloc.start()
    reader(tmp_path, max_bytes=10**8).feed(frame("curves.jsonl", lines))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "curves.jsonl").read_bytes() == b'{"a": 1}\n' * MAX_CURVES_LINES
    assert most < 10 * len(lines), "each line read would be an object"
