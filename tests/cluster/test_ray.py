"""Ray tasks: what is lost with a node starts again, what a candidate does to itself doesn't; a cluster's offer is told."""

from __future__ import annotations

import threading

import pytest

from designer.clusters import cluster_slots, told_offer
from designer.config import Config
from designer.errors import ConfigError, SandboxError
from designer.executors.conformance import LIMITS, Bench, job
from designer.executors.ray_tasks import RayCluster, RayProvider
from designer.records import Status
from tests.cluster.conftest import STORE_BYTES, nodes_alive, wait_until

SLEEPS = "import time\noutput.progress(started=1)\ntime.sleep(5)\noutput.result('ok', who=job['who'])\n"


def config(address: str, **executor: object) -> Config:
    named = {"backend": "ray", "address": address, **executor}
    return Config.model_validate({"executor": named, "sandbox": {"provider": "embedded"}})


def test_a_job_lost_with_its_node_starts_again_and_the_others_go_on(ray_nodes, tmp_path):
    said: list[str] = []
    provider = RayProvider(config(ray_nodes.address), said.append)
    bench = Bench(provider, config(ray_nodes.address), tmp_path)
    executor, at_work, results = provider.executor(bench.code(SLEEPS)), threading.Barrier(4), {}

    def one(who: int) -> None:
        first = iter([True])  # a job that starts again has told of it before
        ended = executor.run(job(who=who), tmp_path / f"{who}", lambda _: next(first, False) and at_work.wait(90))
        results[who] = (ended.status, ended.content.get("who"))

    threads = [threading.Thread(target=one, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    at_work.wait(90)
    ray_nodes.remove_node(next(iter(ray_nodes.worker_nodes)), allow_graceful=False)
    for thread in threads:
        thread.join(120)
    ray_nodes.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    wait_until(lambda: nodes_alive() == 3)  # the lost one is counted until Ray's health check has missed it
    assert results == {who: (Status.OK, who) for who in range(3)}
    assert len(said) == 1, said
    assert "was lost with its node and starts again" in said[0]


def test_a_crash_is_the_candidates_and_nothing_starts_again(ray_nodes, tmp_path):
    said: list[str] = []
    provider = RayProvider(config(ray_nodes.address), said.append)
    code = Bench(provider, config(ray_nodes.address), tmp_path).code("import os\nos._exit(9)\n")
    ended = provider.executor(code).run(job(LIMITS), tmp_path / "job", lambda _: None)
    assert (ended.status, said) == (Status.CRASHED, [])


def test_what_the_cluster_offers_is_told(ray_nodes):
    assert "3 nodes, 3 CPUs, 0 GPUs" in told_offer(config(ray_nodes.address))
    assert cluster_slots(config(ray_nodes.address)) == 3


def test_gpus_that_no_node_has_are_refused_rather_than_waited_for(ray_nodes, tmp_path):
    provider = RayProvider(config(ray_nodes.address, gpus_per_job=0.5), print)
    with pytest.raises(SandboxError, match=r"no node of the Ray cluster has 1 CPU and 0.5 GPUs"):
        provider.executor(tmp_path).run(job()._replace(verb="train"), tmp_path / "job", lambda _: None)


def test_without_token_authentication_nothing_starts(ray_nodes, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ConfigError, match="RAY_AUTH_MODE=token"):
        RayCluster(ray_nodes.address).api()
