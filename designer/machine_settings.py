"""The knobs that are about the machine: boxes, the disk, the sandbox, the worker. `config.py` holds all the others."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ExecutorConfig(Section):
    backend: Literal["local", "ray", "slurm"] = Field(
        "local", description="where boxes run: local (this machine), ray (tasks of a cluster) or slurm (its jobs)"
    )
    slots: int = Field(
        0, ge=0, description="boxes at once; 0: one for each core, of this machine or of the Ray cluster; slurm wants a number"
    )
    gpus_per_job: float = Field(
        0,
        ge=0,
        description="GPUs that a training may see: 0, a whole number, or a share such as 0.25 (several then see the same one); "
        "local: by CUDA_VISIBLE_DEVICES, each its own while one is free",
    )
    restarts: int = Field(3, ge=0, description="how often a job that was lost with its node of a cluster is started again")
    address: str | None = Field(
        None, description="the Ray cluster, such as 10.0.0.5:6379; not set: RAY_ADDRESS, or the one that this machine is in"
    )
    sbatch: str = Field("", description="further options of Slurm jobs, such as 'partition=gpu account=lab qos=night'")
    posts: Path | None = Field(
        None, description="a folder on a disk that this machine and Slurm's nodes share; not set: in your cache folder"
    )
    node_python: str | None = Field(
        None,
        description="what starts Python on a Slurm node, such as 'apptainer exec designer.sif python3'; not set: this Python",
    )
    shared: bool = Field(
        True, description="share this machine's slots with your other runs, so that all together have no more boxes than cores"
    )
    memory_gb: float = Field(6, gt=0.5, description="address space of a box")
    cpu_s_per_1k_steps: float = Field(
        2.0, gt=0, description="CPU time that a training may use for 1,000 steps, far above what an honest reward needs"
    )

    @field_validator("gpus_per_job")
    @classmethod
    def _whole_or_a_share(cls, gpus: float) -> float:
        if gpus > 1 and gpus != int(gpus):
            raise ValueError("more than one GPU must be a whole number")
        return gpus


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
