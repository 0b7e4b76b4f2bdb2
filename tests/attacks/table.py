"""Run snippets in boxes and judge what each one reached, by its own words and by the canaries around it."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from designer.errors import MachineError
from designer.executors import Executor, Job, JobResult, Limits
from designer.executors.stream import FILES
from designer.records import Status
from designer.runs import stage_worker_code
from tests.attacks.attack import Attack, Control
from tests.attacks.canaries import Canaries, planted_key

MakeExecutor = Callable[[Path], Executor]
"""Makes an executor for a folder of worker code."""

AT_ONCE = 2
LIGHT_MEMORY, TORCH_MEMORY = 1024**3, 3 * 1024**3
FILE_BYTES, OUTPUT_BYTES = 16 * 1024**2, 8 * 1024**2
LATE_S = 6.0
INPUTS = {"job.json", "reward.py"}
OUTPUTS = {*FILES, "stderr.txt"}
BROKEN = (
    "NameError",
    "SyntaxError",
    "IndentationError",
    "AttributeError",
    "TypeError",
    "UnboundLocalError",
    "KeyError",
    "IndexError",
)
SAID_LENGTH = 160


class Row(NamedTuple):
    """What became of a snippet. `gap`: it reached a goal that the walls say is open."""

    name: str
    category: str
    tries: str
    contained: bool
    what: str
    gap: bool = False


class Tables(NamedTuple):
    """The executors that snippets run in: the same walls around a light worker, the real one, and one that probes many."""

    light: Executor
    real: Executor
    many: Executor
    folder: Path
    key: str


class Ended(NamedTuple):
    """A box's end as the judge sees it. failure: what the executor itself raised, or ""."""

    result: JobResult | None
    failure: str
    text: str


def run_attacks(make: MakeExecutor, attacks: Iterable[Attack], progress: Callable[[Row], None] = lambda row: None) -> list[Row]:
    """Run snippets, AT_ONCE boxes side by side. Returns a row for each."""
    with (
        tempfile.TemporaryDirectory(prefix="attack-table-") as scratch,
        planted_key() as key,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        tables, attacks = _tables(make, Path(scratch), key), list(attacks)
        together = pool.submit(run_together, tables, [attack for attack in attacks if attack.through])
        alone = pool.map(lambda attack: run_attack(tables, attack), [attack for attack in attacks if not attack.through])
        rows = []
        for row in itertools.chain(alone, together.result()):
            progress(row)
            rows.append(row)
        return rows


def run_controls(make: MakeExecutor, controls: Iterable[Control]) -> list[Row]:
    """Run honest code. `contained` means here that it was let through."""
    with (
        tempfile.TemporaryDirectory(prefix="attack-table-") as scratch,
        planted_key() as key,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        tables = _tables(make, Path(scratch), key)
        return list(pool.map(lambda control: run_control(tables, control), controls))


def _tables(make: MakeExecutor, folder: Path, key: str) -> Tables:
    folder.chmod(0o755)
    real, light, many = (folder / name for name in ("code", "light-code", "many-code"))
    for code in (real, light, many):
        stage_worker_code(code)
    (many / "sandbox" / "probe.py").rename(many / "sandbox" / "probe_one.py")
    for code, verb in ((light, "light_probe.py"), (many, "batch_probe.py")):
        shutil.copyfile(Path(__file__).with_name(verb), code / "sandbox" / "probe.py")
    return Tables(make(light), make(real), make(many), folder, key)


def run_attack(tables: Tables, attack: Attack) -> Row:
    """Run one snippet among canaries of its own, and judge it."""
    folder = tables.folder / attack.name
    job = folder / "jobs" / "this" / "box"
    for made in (folder / "around", job.parent):
        made.mkdir(parents=True)
    code = tables.folder / ("code" if attack.torch else "light-code")
    before = _contents(code)
    with Canaries(folder / "around", job, tables.key) as canaries:
        ended = _run(tables.real if attack.torch else tables.light, attack, attack.source(canaries.told), job)
        reached = [*_said(ended, canaries), *canaries.reached(), *_seen(attack, ended, job)]
        if _contents(code) != before:
            reached.append("the worker's code was changed")
    shutil.rmtree(folder, ignore_errors=True)
    walls = ended.result.walls if ended.result else ""
    if reached:
        known = bool(attack.gap) and attack.gap in walls
        return Row(attack.name, attack.category, attack.tries, known, "; ".join(reached)[:SAID_LENGTH], known)
    return Row(attack.name, attack.category, attack.tries, True, _why(ended).replace(str(folder / "around"), "..."))


def run_together(tables: Tables, attacks: list[Attack]) -> list[Row]:
    """Run snippets that are the harness's business in one box. To come through with status ok is a success."""
    if not attacks:
        return []
    limits = Limits(cpu_s=120, wall_s=240, memory_bytes=TORCH_MEMORY, file_bytes=FILE_BYTES, output_bytes=OUTPUT_BYTES)
    names = [attack.name for attack in attacks]
    files: dict[str, bytes | Path] = {f"{attack.name}.py": attack.source({}).encode() for attack in attacks}
    spec = {"world": "half_cheetah", "seed": 0, "entry": "reward", "names": names}
    result = tables.many.run(Job("probe", spec, files, limits), tables.folder / "together", lambda _: None)
    ends = result.content.get("ends", ())
    if result.status is not Status.OK or len(ends) != len(attacks):
        return [Row(a.name, a.category, a.tries, False, f"the box ended: {result.error}") for a in attacks]
    said = [f"{end['status']}: {end['error']}"[:SAID_LENGTH] for end in ends]
    passed = ["it came through the probe" if end["status"] == "ok" else "" for end in ends]
    return [Row(a.name, a.category, a.tries, not p, p or s) for a, s, p in zip(attacks, said, passed, strict=True)]


def run_control(tables: Tables, control: Control) -> Row:
    folder = tables.folder / control.name
    attack = Attack(control.name, "tamper", "", "", torch=True, cpu_s=60, wall_s=120)
    ended = _run(tables.real, attack, control.source, folder)
    passed = ended.result is not None and ended.result.status is Status.OK and control.says in ended.text
    return Row(control.name, "control", control.does, passed, "let through" if passed else f"refused: {_why(ended)}")


def _run(executor: Executor, attack: Attack, source: str, folder: Path) -> Ended:
    memory = TORCH_MEMORY if attack.torch else LIGHT_MEMORY
    cpu_s, wall_s = (max(attack.cpu_s, 30), max(attack.wall_s, 60)) if attack.torch else (attack.cpu_s, attack.wall_s)
    limits = Limits(cpu_s=cpu_s, wall_s=wall_s, memory_bytes=memory, file_bytes=FILE_BYTES, output_bytes=OUTPUT_BYTES)
    spec = {"seed": 0, "entry": "reward", **({"world": "half_cheetah"} if attack.torch else {})}
    try:
        result = executor.run(Job("probe", spec, {"reward.py": source.encode()}, limits), folder, lambda _: None)
    except (MachineError, OSError, ValueError, RecursionError, MemoryError) as error:
        return Ended(None, f"{type(error).__name__}: {error}", "")
    said = [f"{result.error}\n{result.content}\n"]
    for path in sorted(folder.iterdir()):
        if path.name not in INPUTS and path.is_file() and not path.is_symlink():
            said.append(path.read_bytes()[: 1 << 20].decode("utf-8", errors="replace"))
    return Ended(result, "", "\n".join(said))


# The judge -----------------------------------------------------------------------------------------------------------


def _said(ended: Ended, canaries: Canaries) -> Iterator[str]:
    """Say what came out of the box that should not have."""
    if canaries.token in ended.text:
        yield "the secret came out"
    if canaries.key in ended.text:
        yield "the host's API key came out"
    yield from sorted({line[:80] for line in ended.text.splitlines() if line.startswith("PWNED")})


def _seen(attack: Attack, ended: Ended, job: Path) -> Iterator[str]:
    """Say what is wrong with how the box ended and with what it left."""
    if ended.failure:
        yield f"the executor failed: {ended.failure[:100]}"
    if ended.result is None:
        return
    if ended.result.wall_s > max(attack.wall_s, 60 if attack.torch else 0) + LATE_S:
        yield f"it went on for {ended.result.wall_s:.0f} s"
    if any(name in ended.result.error[:80] for name in BROKEN):
        yield f"the snippet is broken: {ended.result.error[:80]}"
    size = 0
    for path in job.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.name not in INPUTS | OUTPUTS or path.stat().st_nlink != 1:
            yield f"{path.name!r} was left in the job's folder"
        size += path.lstat().st_size
    if size > OUTPUT_BYTES + (1 << 20):
        yield f"{size >> 20} MiB were left on the disk"
    printed = ended.result.error + ((job / "stderr.txt").read_text() if (job / "stderr.txt").is_file() else "")
    if not all(character.isprintable() or character in "\n\t" for character in printed):
        yield "control characters came out"


def _why(ended: Ended) -> str:
    """Say in a few words what stopped a snippet."""
    if ended.result is None:
        return ended.failure[:SAID_LENGTH]
    said = [line.removeprefix("no: ") for line in ended.text.splitlines() if line.startswith("no: ")]
    if ended.result.status is Status.OK:
        return (said[-1] if said else "it ran on and reached nothing")[:SAID_LENGTH]
    return f"{ended.result.status}: {ended.result.error or (said[-1] if said else '')}".replace("\n", " ")[:SAID_LENGTH]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# The proof that the table means something ----------------------------------------------------------------------------

PROOF = Attack(
    "proof",
    "secret",
    "read a file, another process's environment, and reach a listener",
    """
    import socket
    for reach in (
        lambda: print(open(CANARY["secret"]).read()),
        lambda: print(open(f"/proc/{CANARY['victim']}/environ").read()),
        lambda: socket.create_connection(("127.0.0.1", CANARY["tcp"]), 2),
        lambda: open(CANARY["folder"] + "/written", "w").close(),
    ):
        try:
            reach()
            won("reached")
        except OSError as error:
            no(error)
    """,
)
"""Harmless: it reads and writes canaries only. It runs on the plain machine too, where it must reach all of them."""

MUST_REACH = 3


def isolation_fault(make: MakeExecutor) -> str:
    """Prove that boxes isolate and that the canaries would show it if they didn't. Returns "" or what is wrong."""
    with tempfile.TemporaryDirectory(prefix="attack-table-") as scratch, planted_key() as key:
        tables = _tables(make, Path(scratch), key)
        outside = _reached_outside(tables)
        if len(outside) < MUST_REACH:
            return (
                f"On the plain machine the canary reached only {outside}: the canaries are broken, so nothing would be proved."
            )
        row = run_attack(tables, PROOF)
        if not row.contained:
            return f"The canary got out of its box: {row.what}. Attacks are not run where they would do harm."
        if "ok" not in row.what and "Error" not in row.what and "Errno" not in row.what:
            return f"The canary's box did not come to its end: {row.what}"
        return ""


def _reached_outside(tables: Tables) -> list[str]:
    """Run the canary with nothing around it, and return what the canaries saw."""
    folder = tables.folder / "outside"
    job = folder / "jobs" / "this" / "box"
    for made in (folder / "around", job):
        made.mkdir(parents=True)
    with Canaries(folder / "around", job, tables.key) as canaries:
        # The light probe's own entry without any box: the snippet touches canaries only.
        ended = subprocess.run(
            [sys.executable, "-I", "-c", PROOF.source(canaries.told)], capture_output=True, text=True, timeout=60, check=False
        )
        said = Ended(None, "", ended.stdout + ended.stderr)
        return [*_said(said, canaries), *canaries.reached()]
