"""What travels to a node and back: an order arrives as it was sent, and an answer is read as hostile input."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pytest

from designer.config import Config
from designer.errors import DiskError, SandboxError, WorkerMissingError
from designer.executors import Job, Limits
from designer.executors.node import Node, messages
from designer.executors.parcel import END, STREAM, Answer, End, Order, framed, message, pack, pack_folder, unpack, unpack_folder
from designer.executors.remote import LostError, Restarts
from designer.records import Status
from tests.designer.boxes import worker_code

LIMITS = Limits(cpu_s=20, wall_s=30, memory_bytes=2 * 1024**3, output_bytes=1000)


def job(tmp_path: Path) -> Job:
    (tmp_path / "weights").write_bytes(b"\0\xffweights")
    files = {"reward.py": b"# a reward\n", "policy.safetensors": tmp_path / "weights", "empty": b""}
    return Job("train", {"seeds": [1, 2], "world": "hälf"}, files, LIMITS)


def end(**said: object) -> bytes:
    return message(END, End(node="n1", **said).model_dump_json().encode())


def answer(folder: Path, *sent: bytes) -> Answer:
    """Read messages, cut into pieces of three bytes."""
    read, whole = Answer(folder, LIMITS.output_bytes, lambda _: None), b"".join(sent)
    for at in range(0, len(whole), 3):
        read.feed(whole[at : at + 3])
    return read


def test_order_arrives_as_it_was_sent(tmp_path):
    sent = job(tmp_path)
    order = unpack(pack(Order("{}", sent, gpus=True)))
    assert (order.job.verb, order.job.spec, order.job.limits, order.gpus) == (sent.verb, sent.spec, LIMITS, True)
    assert order.job.files == {"reward.py": b"# a reward\n", "policy.safetensors": b"\0\xffweights", "empty": b""}
    assert unpack(pack(Order("{}", None))).job is None


def test_order_of_another_version_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(SandboxError, match=r"0\.0\.1 here. Install the same"):
        unpack(pack(Order("{}", None, version="0.0.1")))


def test_missing_file_of_an_order_is_the_disks_error(tmp_path):
    with pytest.raises(DiskError):
        pack(Order("{}", Job("train", {}, {"a": tmp_path / "none"}, LIMITS)))


def test_code_arrives_as_it_was_sent_and_stays_in_its_folder(tmp_path):
    (tmp_path / "a" / "envs").mkdir(parents=True)
    (tmp_path / "a" / "envs" / "x.py").write_text("x = 1\n")
    unpack_folder(pack_folder(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "b" / "envs" / "x.py").read_text() == "x = 1\n"


def test_answer_is_laid_out_however_it_is_cut(tmp_path):
    told: list[dict[str, float]] = []
    read = Answer(tmp_path, LIMITS.output_bytes, told.append)
    result = json.dumps({"status": "ok", "answer": 42}).encode()
    whole = framed("progress", b'{"share": 0.5}') + framed("policy.safetensors", b"weights") + framed("result.json", result)
    for byte in whole + end(cpu_s=1.5, walls="w", stderr="words"):
        read.feed(bytes([byte]))
    ended = read.result()
    assert (ended.status, ended.content["answer"], ended.cpu_s, ended.walls) == (Status.OK, 42, 1.5, "w")
    assert (tmp_path / "policy.safetensors").read_bytes() == b"weights"
    assert (tmp_path / "stderr.txt").read_text() == "words"
    assert told == [{"share": 0.5}]


@pytest.mark.parametrize(
    "frames",
    [
        framed("../out", b"owned"),
        framed("job.json", b"{}"),
        message(STREAM, b"no frame at all"),
        framed("result.json", b'{"status": "ok", "a": NaN}'),
        framed("policy.safetensors", bytes(3000)),
    ],
    ids=["a name outside", "a name of ours", "noise", "a NaN", "too much"],
)
def test_what_a_box_may_not_send_is_the_candidates_crash(tmp_path, monkeypatch, frames: bytes):
    monkeypatch.setattr("designer.executors.parcel.SPARE_BYTES", 1000)
    read = Answer(tmp_path / "job", LIMITS.output_bytes, lambda _: None)
    read.feed(frames + end())
    assert read.result().status is Status.CRASHED
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["stderr.txt"]


def test_a_good_end_without_a_result_is_a_crash(tmp_path):
    assert answer(tmp_path, end()).result().status is Status.CRASHED


def test_what_a_node_failed_to_do_is_raised_as_what_it_is(tmp_path):
    with pytest.raises(WorkerMissingError, match="on n1: no worker"):
        answer(tmp_path, end(failed="WorkerMissingError", error="no worker")).ended()
    with pytest.raises(SandboxError):
        answer(tmp_path, end(failed="Odd", error="x")).ended()


@pytest.mark.parametrize("sent", [pickle.dumps("x") * 3, message(END, b"{}"), message(b"q", b"")])
def test_bytes_that_are_no_messages_are_the_nodes_failure(tmp_path, sent: bytes):
    with pytest.raises(SandboxError):
        answer(tmp_path, sent)


def node_settings() -> str:
    config = Config.model_validate({"sandbox": {"provider": "embedded"}, "worker": {"python": sys.executable}})
    return config.model_dump_json()


def test_a_node_runs_the_job_in_its_sandbox_and_tells_of_it(tmp_path):
    verb = "output.progress(a=1)\noutput.write('policy.safetensors', files('reward.py'))\noutput.result('ok', n=job['n'])\n"
    code = pack_folder(worker_code(tmp_path / "code", verb))
    files = {"reward.py": b"# of the node\n"}
    order = pack(Order(node_settings(), Job("probe", {"n": 7}, files, LIMITS)))
    (tmp_path / "job").mkdir()
    ended = answer(tmp_path / "job", *messages(order, code)).result()
    assert (ended.status, ended.content["n"]) == (Status.OK, 7), ended.error
    assert (tmp_path / "job" / "policy.safetensors").read_bytes() == b"# of the node\n"


def test_a_node_without_a_worker_says_so(tmp_path):
    config = Config.model_validate({"sandbox": {"provider": "embedded"}, "worker": {"python": "/no/such/python"}})
    order = pack(Order(config.model_dump_json(), None))
    with pytest.raises(WorkerMissingError, match="/no/such/python"):
        answer(tmp_path, *messages(order, pack_folder(tmp_path))).ended()


def test_a_node_keeps_its_executor_for_the_same_run_only(tmp_path):
    node, code = Node(), pack_folder(worker_code(tmp_path / "code", "pass\n"))
    first = node.executor(node_settings(), code)
    assert node.executor(node_settings(), code) is first
    assert node.executor(node_settings(), pack_folder(worker_code(tmp_path / "other", "x = 1\n"))) is not first
    node.forget()


def test_lost_jobs_start_again_but_not_for_ever():
    said: list[str] = []
    restarts, lost = Restarts(2, said.append), iter([LostError("node 1"), LostError("node 2")])

    def once() -> str:
        if error := next(lost, None):
            raise error
        return "done"

    assert restarts.until_it_ends("train", once) == "done"
    assert len(said) == 2

    def always() -> str:
        raise LostError("node 3")

    with pytest.raises(SandboxError, match="lost 3 times"):
        restarts.until_it_ends("train", always)
