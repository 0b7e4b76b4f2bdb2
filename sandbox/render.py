"""The `render` verb: one episode of a policy as an H.264 clip. A machine that can't draw says so and fails nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from envs import worlds
from sandbox.drawing import BACKEND_VARIABLE
from sandbox.output import Output
from sandbox.policy import StackedPolicy, unpack

WIDTH, HEIGHT = 480, 360
MAX_FPS = 25
Frame = NDArray[np.uint8]


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send `clip.mp4`. job: world, checkpoints and policies (in the file), policy (which), seed, seconds (at most)."""
    if not os.environ.get(BACKEND_VARIABLE):
        output.result("rejected", "no software renderer: neither EGL nor OSMesa is installed")
        return
    spec = worlds.make(job["world"], 1).spec
    tensors = unpack(files("policy.safetensors"), job["checkpoints"], job["policies"], spec.observation_dim, spec.action_dim)
    policy = StackedPolicy({name: t[-1, job["policy"] : job["policy"] + 1] for name, t in tensors.items()})
    try:
        clip, frames = encode(_frames(job["world"], policy, job["seed"], job["seconds"]), fps_of(spec.dt_s))
    except (mujoco.FatalError, OSError, RuntimeError, AttributeError, ImportError) as error:
        output.result("rejected", f"drawing failed: {type(error).__name__}: {error}")
        return
    output.write("clip.mp4", clip)
    output.result("ok", frames=frames, backend=os.environ[BACKEND_VARIABLE])


def fps_of(dt_s: float) -> int:
    """Return the clip's frame rate: real time, at most MAX_FPS."""
    every = max(1, round(1 / dt_s / MAX_FPS))
    return max(1, round(1 / dt_s / every))


@torch.no_grad()
def _frames(world_name: str, policy: StackedPolicy, seed: int, seconds: float) -> Iterator[Frame]:
    """Play one episode and draw it."""
    world = worlds.make(world_name, 1)
    spec, model = world.spec, world.model
    model.vis.quality.shadowsize = 0
    model.vis.quality.offsamples = 0
    model.vis.global_.offwidth, model.vis.global_.offheight = WIDTH, HEIGHT
    every = max(1, round(1 / spec.dt_s / MAX_FPS))
    observation = world.reset([seed])
    camera = 0 if model.ncam else -1
    with mujoco.Renderer(model, HEIGHT, WIDTH) as renderer:
        for t in range(min(spec.episode_steps, round(seconds / spec.dt_s))):
            if t % every == 0:
                data = world.simulation(0)
                mujoco.mj_forward(model, data)
                renderer.update_scene(data, camera)
                yield renderer.render()
            action = policy.act(torch.as_tensor(observation, dtype=torch.float32).view(1, 1, -1))
            step = world.step(spec.from_unit(action.view(1, -1).double().numpy()))
            observation = step.observation
            if step.terminated[0] or step.truncated[0]:
                break


def encode(frames: Iterator[Frame], fps: int) -> tuple[bytes, int]:
    """Encode frames (height, width, 3) as H.264 in an MP4 that plays while it loads. Returns it and the frame count."""
    import av

    count = 0
    # faststart rewrites the file, so a buffer won't do; a box without namespaces lets no folder be made.
    with tempfile.NamedTemporaryFile(suffix=".mp4") as scratch:
        file = Path(scratch.name)
        with av.open(str(file), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=fps, options={"crf": "26", "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            for frame in frames:
                count += 1
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return file.read_bytes(), count
