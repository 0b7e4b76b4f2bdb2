"""What does a GPU bring? Worlds, training and stacked policies on MuJoCo Warp, against MuJoCo Warp alone.

    designer image build warp
    .environments/warp/bin/python -m benchmarks.gpu [--device cuda:0] [--worlds 1024 4096 16384 32768] [--steps 100]

Prints, for each world and number of copies, wall steps/s of: the physics alone (mujoco_warp's step, as one CUDA graph), the
world with observation, state, ends and resets, and a training with a reward through the harness; medians of ROUNDS and the
extremes. Then 16 policies stacked against 16 in turn, and how far a reward's values are from the host's in the same states.
`--device cpu --worlds 16 --steps 5` tries the script out on any machine; its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import mujoco
import mujoco_warp
import numpy as np
import torch
import warp

from envs import worlds
from envs.warp_world import WarpWorld
from sandbox.device_train import DeviceTraining
from sandbox.payers import CodeReward
from sandbox.ppo import Settings

NAMES = ("half_cheetah", "ant", "humanoid")
POLICIES = 16
REWARD = """
def reward(s, a):
    moved = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / {dt_s}
    return {{"run": moved, "effort": -0.1 * a.square().sum(-1)}}
"""


class Silent:
    """An output that nobody reads."""

    def progress(self, **numbers: float) -> None:
        pass


def speed(device: str, rounds: int, steps: int, work: Callable[[], None]) -> str:
    """Time `work`, which does `steps` environment steps: median and extremes of steps per second."""
    work()
    found = []
    for _ in range(rounds):
        _wait(device)
        started = time.perf_counter()
        work()
        _wait(device)
        found.append(steps / (time.perf_counter() - started))
    return f"{statistics.median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f})"


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def reward_for(world: WarpWorld) -> CodeReward:
    return CodeReward(REWARD.format(dt_s=world.spec.dt_s), "reward", 0.99)


def trained(world: WarpWorld, seeds: list[int], horizons: int) -> None:
    settings = Settings(num_envs=world.num_envs // len(seeds))
    steps = horizons * settings.horizon * settings.num_envs
    training = DeviceTraining(world, reward_for(world), seeds, steps, [1.0], settings)
    training.start()
    training.advance(1.0, Silent())  # type: ignore[arg-type]


def row(name: str, num_envs: int, asked: argparse.Namespace) -> None:
    """Print one world at one size."""
    world = WarpWorld(name, num_envs, asked.device)
    world.reset([0])
    action = torch.zeros(num_envs, world.spec.action_dim, device=world.device)

    def physics() -> None:
        for _ in range(asked.steps):
            world._physics()

    def stepped() -> None:
        for _ in range(asked.steps):
            world.step(action)

    done, horizon = asked.steps * num_envs, Settings().horizon
    speeds = [speed(asked.device, asked.rounds, done, work) for work in (physics, stepped)]
    speeds.append(speed(asked.device, asked.rounds, 2 * horizon * num_envs, lambda: trained(world, [0], 2)))
    print(f"| {name} | {num_envs:,} | {' | '.join(speeds)} |", flush=True)


def stacked(num_envs: int, asked: argparse.Namespace) -> None:
    """Print 16 policies at once against one after the other: the same worlds a policy, and the same steps."""
    horizon, each = Settings().horizon, max(1, num_envs // POLICIES)
    together, alone = WarpWorld(NAMES[0], each * POLICIES, asked.device), WarpWorld(NAMES[0], each, asked.device)

    def in_turn() -> None:
        for seed in range(POLICIES):
            trained(alone, [seed], 2)

    done = 2 * horizon * each * POLICIES
    print(f"\n| {POLICIES} policies of {each:,} worlds each, {NAMES[0]} | steps/s |\n|---|---|")
    print(f"| stacked | {speed(asked.device, asked.rounds, done, lambda: trained(together, list(range(POLICIES)), 2))} |")
    print(f"| in turn | {speed(asked.device, asked.rounds, done, in_turn)} |", flush=True)


def values_on_both(asked: argparse.Namespace) -> None:
    """Print how far a reward's values are apart: the same transitions, on the device and on the host."""
    world = WarpWorld(NAMES[0], 64, asked.device)
    host = worlds.make(NAMES[0], 64)
    world.reset([0])
    host.reset([0])
    qpos, qvel = (world._views[name].clone() for name in ("qpos", "qvel"))
    world.set_state(qpos, qvel)
    host.set_state(qpos.double().cpu().numpy(), qvel.double().cpu().numpy())  # type: ignore[attr-defined]
    action = host.spec.random_actions(np.random.default_rng(0), 64)
    ours, theirs = world.step(torch.as_tensor(action, dtype=torch.float32, device=world.device)), host.step(action)
    on_device = reward_for(world).pay(ours, ours.action).values.cpu()  # type: ignore[arg-type]
    on_host = reward_for(world).pay(theirs, torch.as_tensor(theirs.action, dtype=torch.float32)).values
    print(f"\nThe same reward source on device and host, one step of 64 {NAMES[0]}s: ", end="")
    print(f"values up to {float(on_host.abs().max()):.3g}, at most {float((on_device - on_host).abs().max()):.1e} apart")


def main() -> None:
    parser = argparse.ArgumentParser(description="Worlds and training on a GPU.")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--worlds", nargs="+", type=int, default=[1024, 4096, 16384, 32768])
    parser.add_argument("--steps", type=int, default=100, help="environment steps of each timing")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    warp.config.quiet = True
    torch.set_num_threads(1)
    name = torch.cuda.get_device_name(asked.device) if asked.device.startswith("cuda") else platform.machine()
    print(f"{name}, {platform.system()}, Python {platform.python_version()}, mujoco {mujoco.__version__}, ", end="")
    print(
        f"mujoco_warp {mujoco_warp.__version__}, warp {warp.__version__}, torch {torch.__version__}; medians of {asked.rounds}"
    )
    print("\n| world | copies | physics alone, steps/s | world, steps/s | training, steps/s |\n|---|---|---|---|---|")
    for world in NAMES:
        for num_envs in asked.worlds:
            row(world, num_envs, asked)
    stacked(max(asked.worlds), asked)
    values_on_both(asked)


if __name__ == "__main__":
    main()
