"""How runs stand, seen from outside: finished, at work, silent, stopped or dead, and who holds the machine's slots."""

from __future__ import annotations

import shlex
import time
from datetime import datetime
from pathlib import Path

from designer.archive import Archive
from designer.display import clock, count
from designer.live import Live, Pulse, pulse_of
from designer.machine_slots import Held, cores, held_slots
from designer.text import one_line


def state_of(folder: Path, archive: Archive) -> str:
    """Say in a few words how a run stands."""
    if archive.finished:
        return f"done, winner {archive.finished.winner}"
    return _told(pulse_of(folder))


def _told(pulse: Pulse) -> str:
    live = pulse.live
    if live is None:
        return "not finished"
    at = f"{datetime.fromtimestamp(live.at):%d %b %H:%M}"
    match pulse.state:
        case "alive":
            return f"at work: {_doing(live)} (process {live.pid})"
        case "silent":
            return f"process {live.pid} is there, but silent since {at}"
        case "elsewhere":
            return f"at work on {one_line(live.host, 40)}, last heard of at {at}"
        case "ended":
            return f"stopped in order at {at}"
        case _:
            return f"dead: its process {live.pid} ended without a word after {at}"


def _doing(live: Live) -> str:
    if live.trainings:
        return f"training {count(len(live.trainings), 'reward')}"
    return f"asking for {count(len(live.proposing), 'reward')}" if live.proposing else "between two steps"


def pulse_sentence(folder: Path, archive: Archive) -> str:
    """Say of one run whether it lives, and what to do where it doesn't; "" where it is finished."""
    if archive.finished:
        return ""
    pulse = pulse_of(folder)
    goes_on = pulse.state in ("alive", "silent", "elsewhere")
    hint = "" if goes_on else f" Go on with: designer run {shlex.quote(str(folder))}"
    return f"state: {_told(pulse)}.{hint}"


def slot_lines(folder: Path, now_s: float | None = None) -> list[str]:
    """Say who holds the machine's slots; nothing where nobody does."""
    held = held_slots(folder)
    if not held:
        return []
    now = time.time() if now_s is None else now_s
    return [f"slots of this machine: {len(held)} of {cores()} held", *(_held(each, now) for each in held)]


def _held(held: Held, now_s: float) -> str:
    job = one_line(held.job, 80)
    return f"  {held.slot}: {one_line(held.run, 120)}: {job}, for {clock(max(0.0, now_s - held.since))} (process {held.pid})"
