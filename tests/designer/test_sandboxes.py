"""Which sandbox is taken, which is refused, and what goes into an image."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from designer.bundle import bundle_root
from designer.config import Config, load
from designer.errors import ConfigError, SandboxError, WorkerMissingError
from designer.executors.docker import Image
from designer.executors.embedded import Embedded
from designer.images import Source, build_image, image_tag
from designer.sandboxes import UNSAFE, Choice, DockerProvider, NoneProvider, choose, provider_of, require_consent
from tests.designer.fake_engine import FakeEngine

NO_ENGINE = {"sandbox.docker_host": "unix:///no/such/engine.sock"}


def config(**flags: str) -> Config:
    return load(None, {**NO_ENGINE, **{name.replace("__", "."): value for name, value in flags.items()}})


class Third:
    """A third party's provider."""

    name = "third"
    isolates = True

    def __init__(self, config: Config) -> None:
        self.config = config

    def executor(self, code: Path):
        return Fixed()


class Fixed:
    name = "third"

    def walls(self) -> str:
        return "a moat"


# Choosing -----------------------------------------------------------------------------------------------------------


def test_auto_takes_embedded_without_an_engine_and_says_why():
    choice = choose(config())
    assert choice.config.sandbox.provider == "embedded"
    assert choice.passed_over[0].startswith("docker: no engine could answer at unix:///no/such/engine.sock")
    assert "seccomp" in choice.walls


def test_auto_refuses_where_nothing_holds_and_says_what_to_do(tmp_path):
    with pytest.raises(SandboxError) as refused:
        choose(config(worker__environment="robotics"), lambda name, _: unusable(name))
    assert "docker: docker is broken" in str(refused.value)
    assert "embedded: embedded is broken" in str(refused.value)
    assert "nothing is run without one" in str(refused.value)


def unusable(name: str) -> Choice:
    raise SandboxError(f"{name} is broken.")


def test_auto_takes_docker_where_it_works():
    choice = choose(config(), lambda _, asked: Choice(asked, "walls"))
    assert (choice.config.sandbox.provider, choice.passed_over) == ("docker", ())


def test_a_named_sandbox_is_not_replaced_by_another_but_what_else_there_is_is_said():
    with pytest.raises(SandboxError, match=r"no engine could answer.*DOCKER_HOST.*--sandbox\.provider embedded"):
        choose(config(sandbox__provider="docker"))


def test_a_third_partys_provider_is_imported():
    choice = choose(config(sandbox__provider="tests.designer.test_sandboxes:Third"))
    assert (choice.config.sandbox.provider, choice.walls) == ("tests.designer.test_sandboxes:Third", "a moat")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dockr", "Did you mean docker"),
        ("no_such_module:Thing", "can't be imported"),
        ("tests.designer.test_sandboxes:Nothing", "can't be imported"),
    ],
)
def test_a_wrong_name_is_told(name, words):
    with pytest.raises(ConfigError, match=words):
        provider_of(config(sandbox__provider=name))


def test_none_is_refused_without_consent_and_the_flag_goes_with_nothing_else():
    with pytest.raises(ConfigError, match="--i-know-this-is-unsafe"):
        require_consent(config(sandbox__provider="none"), consents=False)
    require_consent(config(sandbox__provider="none"), consents=True)
    with pytest.raises(ConfigError, match=r"goes with --sandbox\.provider none only"):
        require_consent(config(), consents=True)


def test_consent_can_not_stand_in_a_file(tmp_path):
    (tmp_path / "c.toml").write_text("[sandbox]\nprovider = 'none'\ni_know_this_is_unsafe = true\n")
    with pytest.raises(ConfigError, match="not a setting"):
        load(tmp_path / "c.toml", {})


def test_none_is_stamped_wherever_the_walls_are_told(tmp_path):
    executor = provider_of(config(sandbox__provider="none")).executor(bundle_root())
    assert isinstance(provider_of(config(sandbox__provider="none")), NoneProvider)
    assert isinstance(executor, Embedded)
    assert f"{executor.name} ({executor.walls()})" == f"none ({UNSAFE})"


# Images -------------------------------------------------------------------------------------------------------------


def test_an_images_tag_says_what_is_in_it():
    tag = image_tag("native", "python:3.11-slim")
    assert tag == image_tag("native", "python:3.11-slim")
    assert tag.startswith("designer-native:")
    assert len({tag, image_tag("native", "debian:12"), image_tag("robotics", "python:3.11-slim")}) == 3


def test_an_images_tag_follows_every_file(tmp_path):
    assert image_tag("native", "b", {"Dockerfile": b"1", "locks/a": b"2"}) != image_tag(
        "native", "b", {"Dockerfile": b"1", "locks/a": b"3"}
    )


def test_a_build_gets_the_dockerfile_the_locks_the_installer_and_the_wheels(tmp_path):
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"wheel")
    engine, said = FakeEngine(), []
    tag = build_image(engine, "native", "base", Source(tmp_path, "host"), said.append)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(engine.built))) as tar:
        names = set(tar.getnames())
    assert {"Dockerfile", "locks/common.lock", "locks/cpu.lock", "locks/cuda.lock", "designer/venvs.py"} <= names
    assert {"wheels/a-1-py3-none-any.whl", "wheels/README"} <= names
    assert not [name for name in names if name.startswith(("envs", "sandbox/"))], "the worker's code comes with each job"
    assert engine.made == {"tag": tag, "arguments": {"BASE": "base", "PIP_NO_INDEX": "1"}, "network": "host"}
    assert any("Step 1/2" in line for line in said)


def test_an_image_that_is_there_is_not_built_again():
    engine = FakeEngine(images=(image_tag("native", "base"),))
    build_image(engine, "native", "base", Source(), lambda line: None)
    assert engine.built == b""


def test_a_folder_without_wheels_is_told(tmp_path):
    with pytest.raises(WorkerMissingError, match="holds no wheels"):
        build_image(FakeEngine(), "native", "base", Source(tmp_path), lambda line: None)


def test_the_image_installs_what_the_system_script_does():
    dockerfile = (bundle_root() / "sandbox" / "Dockerfile").read_text()
    script = (Path(__file__).parents[2] / "scripts" / "system.sh").read_text()
    packages = script.split('packages="')[1].split('"')[0].split()
    assert packages
    assert all(package in dockerfile for package in packages)


def test_docker_says_what_it_lacks(tmp_path):
    provider = DockerProvider(FakeEngine(), Image("image"))
    assert set(provider.broken(tmp_path)) == {"an engine", "an image", "an interpreter", "a runtime"}
