"""Rewards as models write them, all within the contract: the static check must let every one pass."""

BENIGN = {
    "progress": '''
import torch
from torch import Tensor

def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    """Run backward, cheaply."""
    speed_temperature = 2.0
    run = torch.tanh(-s.torso_velocity[:, 0] / speed_temperature)
    return {"run_backward": run, "effort": -0.01 * a.square().sum(-1)}
''',
    "progress_by_position": """
import torch

DT_S = 0.05

def reward(s, a):
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {"run": -velocity, "control": -0.1 * torch.square(a).sum(-1)}
""",
    "eureka_temperatures": """
import torch
from torch import Tensor

def reward(s, a: Tensor) -> dict[str, Tensor]:
    velocity_temp: float = 0.5
    upright_temp: float = 1.0
    velocity_x = s.torso_velocity[..., 0]
    velocity_reward = torch.exp(velocity_x.clamp(max=8.0) / velocity_temp / 10.0) - 1.0
    upright_reward = torch.exp(-torch.abs(s.torso_pitch) / upright_temp)
    action_penalty = torch.sum(a ** 2, dim=-1)
    return {
        "velocity_reward": velocity_reward,
        "upright_reward": upright_reward,
        "action_penalty": -0.05 * action_penalty,
    }
""",
    "dict_by_names": """
import torch

def reward(s, a):
    terms = {}
    terms["forward"] = s.torso_velocity[:, 0]
    for i in range(2):
        terms[f"foot_{i}"] = -0.1 * torch.relu(s.feet_height[:, i] - 0.5)
    terms["effort"] = -0.01 * torch.linalg.norm(a, dim=-1)
    return terms
""",
    "helper_functions": """
import torch
from torch import Tensor

WEIGHTS = {"speed": 1.0, "level": 0.2}

def tolerance(x: Tensor, low: float, high: float, margin: float = 1.0) -> Tensor:
    outside = torch.where(x < low, low - x, torch.where(x > high, x - high, torch.zeros_like(x)))
    return torch.exp(-0.5 * (outside / margin) ** 2)

def reward(s, a):
    speed = tolerance(s.torso_velocity[:, 0], 5.0, 10.0, margin=5.0)
    level = tolerance(s.torso_pitch, -0.3, 0.3)
    return {"speed": WEIGHTS["speed"] * speed, "level": WEIGHTS["level"] * level}
""",
    "potential": """
import torch

def reward(s, a):
    return {"alive": torch.ones_like(s.torso_pitch)}

def potential(s):
    return {"x": s.torso_position[:, 0]}
""",
    "helper_with_state": """
import torch
import math

def posture(s):
    return -torch.abs(s.torso_pitch - math.pi / 2)

def reward(s, a):
    p = s.prev
    rising = s.torso_position[:, 1] - p.torso_position[:, 1]
    return {"posture": posture(s), "rising": rising}
""",
    "stages_by_where": """
import torch

def reward(s, a):
    upright = s.torso_pitch.abs() < 0.5
    fast = torch.logical_and(upright, s.torso_velocity[:, 0] > 1.0)
    bonus = torch.where(fast, torch.full_like(s.torso_pitch, 2.0), torch.zeros_like(s.torso_pitch))
    return dict(upright=upright.float(), bonus=bonus)
""",
    "annealed": """
import torch

def reward(s, a):
    weight = 1.0 - s.training_progress
    late = torch.sigmoid((s.episode_time_s - 2.0) * 4.0)
    return {"shaping": weight * s.torso_velocity[:, 0], "late": late * s.torso_velocity[:, 0]}
""",
    "tuple_unpacking": """
import torch

def reward(s, a):
    vx, vz = s.torso_velocity[:, 0], s.torso_velocity[:, 1]
    back, front = s.feet_height.unbind(-1)
    return {"vx": vx, "bounce": -vz.square(), "feet": torch.minimum(back, front)}
""",
    "comprehension": """
import torch

TARGETS = (0.1, -0.2, 0.3)

def reward(s, a):
    errors = [torch.abs(s.joint_angles[:, i] - target) for i, target in enumerate(TARGETS)]
    return {"pose": -torch.stack(errors, dim=-1).mean(-1), **{f"e_{i}": -e for i, e in enumerate(errors)}}
""",
    "rebound_names": """
import torch

def reward(s, a):
    a = a.clamp(-1.0, 1.0)
    r = s.torso_velocity[:, 0].clone()
    r = r - 0.1 * (a * s.joint_velocities).abs().sum(dim=1)
    r += 0.5
    r[s.torso_pitch.abs() > 1.5] = 0.0
    return {"r": r}
""",
    "branches": """
import torch

USE_BONUS = True

def reward(s, a):
    run = s.torso_velocity[:, 0]
    if USE_BONUS:
        return {"run": run, "bonus": (run > 5.0).to(run.dtype)}
    else:
        return {"run": run}
""",
    "slices": """
import torch

def reward(s, a):
    hind, fore = s.joint_velocities[:, :3], s.joint_velocities[:, 3:6]
    smooth = torch.linalg.norm(hind - fore, dim=-1)
    last = a[:, -1]
    planar = torch.norm(s.torso_velocity, p=2, dim=-1, keepdim=True).squeeze(-1)
    return {"smooth": -0.01 * smooth, "last": -last.pow(2), "planar": planar, "mean": s.joint_angles[:, [0, 3]].mean(1)}
""",
    "dict_union": """
from __future__ import annotations

import torch

def terms_of_motion(s) -> dict[str, Tensor]:
    return {"run": s.torso_velocity[:, 0]}

def terms_of_cost(s, a):
    jerk = (s.joint_velocities - s.prev.joint_velocities).square().mean(-1)
    return {"jerk": -1e-3 * jerk}

def reward(s: "State", a: torch.Tensor):
    return terms_of_motion(s) | terms_of_cost(s, a)
""",
    "gated_product": """
import torch
from torch import Tensor

def squash(x: Tensor, *, scale: float = 1.0) -> Tensor:
    return torch.tanh(x / scale)

def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    height = s.torso_position[:, 1]
    gate = torch.sigmoid(10.0 * (height - 0.4))
    run = squash(s.torso_velocity[:, 0], scale=3.0)
    flips = torch.remainder(s.torso_pitch, 2 * torch.pi)
    turned = torch.atan2(torch.sin(flips), torch.cos(flips))
    terms = {"gated_run": gate * run, "turned": -0.1 * turned.abs()}
    terms.update({"contact": (s.feet_height.min(dim=-1).values < 0.1).float() * 0.0})
    return terms
""",
}
