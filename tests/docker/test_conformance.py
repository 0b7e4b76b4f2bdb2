"""Docker passes the conformance suite, check by check, on a real engine."""

from __future__ import annotations

import pytest

from designer.config import Config, SandboxConfig
from designer.executors.conformance import Check, Verdict, all_checks, examine

CONFIG = Config(sandbox=SandboxConfig(provider="tests.docker.bound:provider"))


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name.replace(" ", "-"))
def test_docker_keeps_the_contract(docker, check: Check):
    (outcome,) = examine(docker, CONFIG, [check])
    assert outcome.verdict is Verdict.HOLDS, outcome.told
