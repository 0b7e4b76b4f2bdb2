"""Ray on a simulated cluster and Slurm's executor on submitit's local queue pass the conformance suite, check by check."""

from __future__ import annotations

import pytest

from designer.config import Config, SandboxConfig
from designer.executors.conformance import Check, Verdict, all_checks, examine
from designer.sandboxes import provider_of
from tests.cluster import local_slurm

CHECKS = pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name.replace(" ", "-"))


@CHECKS
def test_ray_keeps_the_contract(ray_nodes, check: Check):
    executor = {"backend": "ray", "address": ray_nodes.address}
    config = Config.model_validate({"executor": executor, "sandbox": {"provider": "embedded"}})
    (outcome,) = examine(provider_of(config), config, [check])
    assert outcome.verdict is Verdict.HOLDS, outcome.told


@CHECKS
def test_slurms_executor_keeps_the_contract(posts, check: Check):
    config = Config(sandbox=SandboxConfig(provider="tests.cluster.local_slurm:provider"))
    (outcome,) = examine(local_slurm.provider(config), config, [check])
    assert outcome.verdict is Verdict.HOLDS, outcome.told
