"""The knobs that are about the machine: boxes, the disk, the sandbox, the worker. `config.py` holds all the others."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ExecutorConfig(Section):
    slots: int = Field(0, ge=0, description="boxes at once; 0: one for each core")
    shared: bool = Field(
        True, description="share this machine's slots with your other runs, so that all together have no more boxes than cores"
    )
    memory_gb: float = Field(6, gt=0.5, description="address space of a box")
    cpu_s_per_1k_steps: float = Field(
        2.0, gt=0, description="CPU time that a training may use for 1,000 steps, far above what an honest reward needs"
    )


class DiskConfig(Section):
    reserve_gb: float = Field(
        0.5, ge=0, description="room that a run leaves on its disk: it prunes below twice as much, and stops below it"
    )
    prune: bool = Field(
        True, description="whether it may prune: checkpoints of trainings that are over, then what judging left of the others"
    )


class SandboxConfig(Section):
    provider: str = Field(
        "auto",
        description="what boxes are made of: docker, embedded, auto (docker where it is ready, else embedded), none, or a "
        "provider of your own as module:name",
    )
    docker_host: str | None = Field(
        None,
        description="the engine's address, such as unix:///run/user/1000/podman/podman.sock; not set: DOCKER_HOST or Docker's",
    )
    image: str | None = Field(
        None, description="the image of docker's containers; not set: the one that `designer image` built"
    )
    base: str = Field("python:3.11-slim", description="the base that docker's image is built on: a Debian with Python")
    runtime: str | None = Field(None, description="the engine's runtime, such as runsc (gVisor); not set: the engine's default")
    gpu: bool = Field(False, description="pass this machine's GPUs into docker's containers")


class WorkerConfig(Section):
    environment: str = Field("native", description="name of the worker environment that boxes run in")
    python: Path | None = Field(None, description="an interpreter to use instead of a built worker environment")
