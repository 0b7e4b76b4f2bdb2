"""The Ray executor: each job is a task of an existing cluster, whose node runs it in a sandbox of its own.

Tasks stream their messages (`num_returns="streaming"`), bytes only. Ray retries nothing: a task that streams can't be told
from one that begins again, so a job that is lost with its node is started again from here. What a candidate does to itself
comes back as a message like any other ending, so it can't be taken for a lost node. When this process ends, however it does,
Ray ends its tasks with it. Ray is imported when a cluster is asked for, never before.
"""

from __future__ import annotations

import os
import platform
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from designer.config import Config
from designer.errors import ConfigError, SandboxError
from designer.executors import Executor, Job, JobResult, Progress
from designer.executors.devices import TRAINING
from designer.executors.folder import prepare_folder
from designer.executors.node import messages
from designer.executors.parcel import END, Answer, End, message, pack_folder
from designer.executors.remote import LostError, Restarts, Say, order_for

EXTRA = "pip install 'designer[ray]'"
AUTH, TOKEN = "RAY_AUTH_MODE", "token"
CPUS = 1
WAIT_S = 10.0  # nothing is waited for this long: an answer, a loss or a stop ends the wait


class NodeOffer(NamedTuple):
    """What one node of a cluster has."""

    name: str
    cpus: float
    gpus: float

    def __str__(self) -> str:
        return f"{self.name}: {self.cpus:g} CPUs, {self.gpus:g} GPUs"


class RayCluster:
    """The connection to a cluster; a process has at most one. Made at the first call."""

    def __init__(self, address: str | None) -> None:
        """`address`: not given, RAY_ADDRESS, or the cluster that this machine is in."""
        self.address = address or os.environ.get("RAY_ADDRESS") or "auto"

    def api(self) -> Any:  # the module: without types where it isn't installed
        """Return Ray, connected. Raises ConfigError, SandboxError."""
        if find_spec("ray") is None:
            raise ConfigError(f"executor.backend = ray needs Ray, and this Python has none. Type: {EXTRA}")
        if os.environ.setdefault(AUTH, TOKEN).lower() != TOKEN:
            raise ConfigError(
                f"{AUTH} = {os.environ[AUTH]}: whoever reaches such a cluster may run commands on it. Start it, and "
                f"designer, with {AUTH}={TOKEN} (`ray get-auth-token --generate` makes a token)."
            )
        import ray

        with _connecting:
            if not ray.is_initialized():
                self._connect(ray)
            elif self.address not in ("auto", ray.get_runtime_context().gcs_address):
                raise SandboxError(f"this process is already in another Ray cluster than {self.address}.")
        return ray

    def _connect(self, ray: Any) -> None:
        from ray.exceptions import AuthenticationError, RayError

        try:
            with _signals_kept():
                ray.init(address=self.address, log_to_driver=False, configure_logging=False, logging_level="error")
        except AuthenticationError as error:
            raise SandboxError(
                f"the Ray cluster at {self.address} refuses this token, or there is none: {_first_line(error)} "
                "Copy ~/.ray/auth_token from its head node, or set RAY_AUTH_TOKEN."
            ) from error
        except (RayError, ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise SandboxError(
                f"no Ray cluster answers at {self.address}: {_first_line(error)} Start one "
                f"({AUTH}={TOKEN} ray start --head), or name it: --executor.address HOST:6379."
            ) from error

    def offers(self) -> list[NodeOffer]:
        """Return what the cluster's living nodes have. Raises ConfigError, SandboxError."""
        found = [node for node in self.api().nodes() if node["Alive"]]
        resources = [(node["NodeManagerHostname"], node["Resources"]) for node in found]
        return [NodeOffer(name, has.get("CPU", 0.0), has.get("GPU", 0.0)) for name, has in resources]


_connecting = threading.Lock()
"""Ray has one connection a process."""


class RayTasks:
    """Implements `Executor`."""

    def __init__(self, cluster: RayCluster, config: Config, code: Path, say: Say) -> None:
        self.name = f"{config.sandbox.provider} on ray"
        self._cluster = cluster
        self._config = config
        self._code = code
        self._restarts = Restarts(config.executor.restarts, say)
        self._sent: Any = None  # the code, as an object in Ray's store
        self._running: set[Any] = set()
        self._changing = threading.Lock()
        self._walls = ""

    def walls(self) -> str:
        if not self._walls:
            self._walls = self._restarts.until_it_ends("walls", self._walls_of_a_node)
        return self._walls

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        gpus = self._config.executor.gpus_per_job if job.verb in TRAINING else 0.0
        self._require_room(gpus)
        order = order_for(self._config, job)

        def once() -> JobResult:
            prepare_folder(job, folder)
            answer = Answer(folder, job.limits.output_bytes, progress)
            self._follow(order, gpus, answer)
            return answer.result()

        return self._restarts.until_it_ends(job.verb, once)

    def stop(self) -> None:
        """End every task that runs, and start none any more. Called from another thread."""
        self._restarts.stopping.set()
        with self._changing:
            running = list(self._running)
        for task in running:
            self._cancel(task)

    def _walls_of_a_node(self) -> str:
        answer = Answer(self._code, 0, lambda _: None)
        self._follow(order_for(self._config, None), 0.0, answer)
        return answer.ended().walls

    def _require_room(self, gpus: float) -> None:
        """Refuse a job that no node of this cluster could ever take: Ray would wait for one for ever. Raises SandboxError."""
        offers = self._cluster.offers()
        if not any(node.cpus >= CPUS and node.gpus >= gpus for node in offers):
            told = "; ".join(map(str, offers)) or "none"
            wanted = f"{CPUS} CPU and {gpus:g} GPUs" if gpus else f"{CPUS} CPU"
            raise SandboxError(f"no node of the Ray cluster has {wanted} (its nodes: {told}).")

    def _follow(self, order: bytes, gpus: float, answer: Answer) -> None:
        """Start a task and take in what it tells, to its end. Raises LostError, SandboxError, what `answer` raises."""
        ray = self._cluster.api()
        from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

        task = self._started(ray, order, gpus)
        try:
            while answer.end is None:
                ready, _ = ray.wait([task], timeout=WAIT_S)
                self._restarts.require_going()
                if ready:
                    answer.feed(ray.get(next(task)))
        except StopIteration:
            raise LostError("its task ended without a word") from None
        except (NodeDiedError, WorkerCrashedError, ObjectLostError, OutOfMemoryError) as lost:
            raise LostError(_first_line(lost)) from lost
        except RayTaskError as error:
            raise SandboxError(
                f"a node can't do designer's work: {str(error).strip().splitlines()[-1]}. Is the same designer installed there?"
            ) from error
        except RayError as error:
            self._restarts.require_going()  # a cancelled task ends in one of these
            raise SandboxError(f"the Ray cluster failed: {_first_line(error)}") from error
        finally:
            with self._changing:
                self._running.discard(task)
            if answer.end is None:
                self._cancel(task)

    def _started(self, ray: Any, order: bytes, gpus: float) -> Any:
        with self._changing:
            self._restarts.require_going()
            if self._sent is None:
                self._sent = ray.put(pack_folder(self._code))
            options = {"num_cpus": CPUS, "num_gpus": gpus, "max_retries": 0, "scheduling_strategy": "SPREAD"}
            task = ray.remote(ray_messages).options(num_returns="streaming", **options).remote(order, self._sent)
            self._running.add(task)
        return task

    def _cancel(self, task: Any) -> None:
        """End a task with its process: its boxes end with that, as they do with a killed host."""
        with suppress(Exception):  # it has ended, or the cluster is gone
            self._cluster.api().cancel(task, force=True)


def ray_messages(order: bytes, code: bytes) -> Iterator[bytes]:
    """Be a task, on a node."""
    if os.environ.get(AUTH, "").lower() != TOKEN:
        words = f"this cluster takes commands from anybody who reaches it. Start it with {AUTH}={TOKEN}"
        yield message(END, End(node=platform.node(), failed="SandboxError", error=words).model_dump_json().encode())
        return
    yield from messages(order, code)


class RayProvider:
    """Implements `Provider`: what `sandbox.provider` names, on the nodes of a Ray cluster."""

    name = "ray"

    def __init__(self, config: Config, say: Say) -> None:
        self.isolates = config.sandbox.provider != "none"
        self._config = config
        self._say = say
        self.cluster = RayCluster(config.executor.address)

    def executor(self, code: Path) -> Executor:
        return RayTasks(self.cluster, self._config, code, self._say)

    def broken(self, code: Path) -> Mapping[str, Executor]:
        nowhere = RayTasks(RayCluster("127.0.0.1:1"), self._config, code, self._say)
        worker = self._config.worker.model_copy(update={"python": Path("/no/such/python")})
        lacking = self._config.model_copy(update={"worker": worker})
        return {"a cluster": nowhere, "an interpreter": RayTasks(self.cluster, lacking, code, self._say)}

    def leftovers(self) -> Sequence[str]:
        return ()


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep this process's own way to end: Ray puts its handler in place of it."""
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.getsignal(name) for name in names}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for name, handler in before.items():
                signal.signal(name, handler)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
