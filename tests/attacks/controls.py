"""Honest rewards that the walls and the harness must let through. They bypass the static check too."""

from __future__ import annotations

from tests.attacks.attack import Control

CONTROLS = (
    Control(
        "plain_reward",
        "an ordinary reward",
        """
import torch
def reward(s, a):
    return {"run": -torch.tanh(s.torso_velocity[:, 0]), "effort": -0.01 * a.square().sum(-1)}
""",
    ),
    Control(
        "numpy",
        "count with numpy",
        """
import numpy as np, torch
print("numpy", np.linalg.svd(np.random.default_rng(0).normal(size=(50, 50)))[1].shape)
def reward(s, a):
    return {"x": torch.from_numpy(np.tanh(s.torso_velocity.numpy()[:, 0].copy()))}
""",
        says="numpy (50,)",
    ),
    Control(
        "adam",
        "fit a small network with Adam",
        """
import torch
chance = torch.get_rng_state()
net = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
adam = torch.optim.Adam(net.parameters(), lr=1e-2)
x = torch.linspace(-1, 1, 256)[:, None].expand(256, 4)
for step in range(200):
    loss = (net(x) - x[:, :1] ** 2).square().mean()
    adam.zero_grad(); loss.backward(); adam.step()
print("adam", "fits" if float(loss) < 0.05 else float(loss))
net.requires_grad_(False)
torch.set_rng_state(chance)
def reward(s, a):
    return {"x": net(a[:, :4])[:, 0]}
""",
        says="adam fits",
    ),
    Control(
        "threads",
        "the threads that torch and numpy need",
        """
import threading, torch
torch.set_num_threads(2)
y = torch.randn(400, 400, generator=torch.Generator().manual_seed(0)) @ torch.ones(400, 400)
seen = []
ts = [threading.Thread(target=lambda: seen.append(float(torch.ones(100).sum()))) for _ in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]
torch.set_num_threads(1)
print("threads", len(seen))
def reward(s, a):
    return {"x": torch.tanh(s.torso_velocity[:, 0])}
""",
        says="threads 4",
    ),
)
