"""Where boxes run when it isn't this machine: which engine a config names, what it offers, how many boxes it takes at once."""

from __future__ import annotations

from designer.config import Config
from designer.errors import ConfigError
from designer.executors.provider import Provider
from designer.executors.ray_tasks import CPUS, NodeOffer, RayCluster, RayProvider
from designer.executors.remote import LOCAL as LOCAL
from designer.executors.remote import Say
from designer.executors.slurm_jobs import SlurmProvider
from designer.executors.slurm_queue import partitions

RAY, SLURM = "ray", "slurm"


def is_on_a_cluster(config: Config) -> bool:
    return config.executor.backend != LOCAL


def cluster_provider(config: Config, say: Say) -> Provider:
    """Return what makes a cluster's boxes; nothing is asked of it yet."""
    return RayProvider(config, say) if config.executor.backend == RAY else SlurmProvider(config, say)


def cluster_slots(config: Config) -> int:
    """Return how many boxes a cluster takes at once, where nobody said it. Raises ConfigError, SandboxError."""
    if config.executor.backend == SLURM:
        raise ConfigError(
            "executor.backend = slurm needs executor.slots: how many jobs of a run may be in Slurm's queue at once. "
            "Add --executor.slots 16, say."
        )
    return max(1, sum(_room(node, config.executor.gpus_per_job) for node in RayCluster(config.executor.address).offers()))


def _room(node: NodeOffer, gpus: float) -> int:
    """Return how many boxes of a run a node takes; with GPUs, how many of its trainings."""
    by_cpu = int(node.cpus // CPUS)
    return by_cpu if gpus == 0 else min(by_cpu, int(node.gpus / gpus + 1e-9))


def told_offer(config: Config) -> str:
    """Say what the cluster offers. Raises ConfigError, SandboxError."""
    if config.executor.backend == SLURM:
        return "; ".join(partitions())
    cluster = RayCluster(config.executor.address)
    nodes = cluster.offers()
    each = "; ".join(map(str, nodes))
    total = f"{sum(node.cpus for node in nodes):g} CPUs, {sum(node.gpus for node in nodes):g} GPUs"
    return f"Ray {cluster.api().__version__}, token auth; {len(nodes)} nodes, {total} ({each})"
