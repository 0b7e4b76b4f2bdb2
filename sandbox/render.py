"""The `render` verb: one episode of a policy as an H.264 clip or as stills. A machine that can't draw says so."""

from __future__ import annotations

import base64
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from envs import worlds
from envs.errors import WorldError
from envs.vec_env import VecEnv
from sandbox.drawing import BACKEND_VARIABLE
from sandbox.output import Output
from sandbox.policy import StackedPolicy, unpack

WIDTH, HEIGHT = 480, 360
MAX_FPS = 25
STILL_QUALITY = 80
Frame = NDArray[np.uint8]


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send `clip.mp4`. job: world, checkpoints and policies (in the file), policy (which), seed, seconds (at most).

    With `stills`, so many frames are in the result instead, evenly spaced, as JPEG in base64.
    """
    world = worlds.make(job["world"], 1, drawn=True)
    if not hasattr(world, "draw") and not os.environ.get(BACKEND_VARIABLE):
        output.result("rejected", "no software renderer: neither EGL nor OSMesa is installed")
        return
    spec = world.spec
    sizes = (spec.observation_dim, spec.policy_outputs, spec.images)
    tensors = unpack(files("policy.safetensors"), job["checkpoints"], job["policies"], *sizes)
    policy = StackedPolicy({name: t[-1, job["policy"] : job["policy"] + 1] for name, t in tensors.items()}, spec.images)
    drawn = _frames(world, policy, job["seed"], job["seconds"])
    backend = os.environ.get(BACKEND_VARIABLE, "the world's own")
    try:
        if "stills" in job:
            pictures = stills(drawn, job["stills"])
            output.result("ok", frames=len(pictures), backend=backend, stills=pictures)
            return
        clip, frames = encode(drawn, fps_of(world.spec.dt_s))
    except (mujoco.FatalError, WorldError, OSError, RuntimeError, AttributeError, ImportError) as error:
        output.result("rejected", f"drawing failed: {type(error).__name__}: {error}")
        return
    output.write("clip.mp4", clip)
    output.result("ok", frames=frames, backend=backend)


def stills(frames: Iterator[Frame], count: int) -> list[str]:
    """Return `count` frames, or all where there are fewer, evenly spaced from the first to the last, as JPEG in base64."""
    from PIL import Image

    pictures = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(frame)).save(file, "JPEG", quality=STILL_QUALITY)
        pictures.append(file.getvalue())
    chosen = sorted({round(k * (len(pictures) - 1) / max(1, count - 1)) for k in range(count)}) if pictures else []
    return [base64.b64encode(pictures[k]).decode("ascii") for k in chosen]


def fps_of(dt_s: float) -> int:
    """Return the clip's frame rate: real time, at most MAX_FPS."""
    every = max(1, round(1 / dt_s / MAX_FPS))
    return max(1, round(1 / dt_s / every))


@torch.no_grad()
def _frames(world: VecEnv, policy: StackedPolicy, seed: int, seconds: float) -> Iterator[Frame]:
    """Play one episode and draw it."""
    spec = world.spec
    every = max(1, round(1 / spec.dt_s / MAX_FPS))
    observation = world.reset([seed])
    with _camera(world) as picture:
        for t in range(min(spec.episode_steps, max(1, round(seconds / spec.dt_s)))):
            if t % every == 0:
                yield picture()
            seen = torch.as_tensor(observation, dtype=torch.float32).view(1, 1, -1)
            command = policy.act(seen, discrete=spec.choices > 0)
            step = world.step(spec.from_unit(command.view(1, -1).double().numpy()))
            observation = step.observation
            if step.terminated[0] or step.truncated[0]:
                break


@contextmanager
def _camera(world: Any) -> Iterator[Callable[[], Frame]]:  # Any: a native world, or one that draws itself
    """Give what takes a picture of the first copy: (height, width, 3)."""
    if hasattr(world, "draw"):
        yield world.draw
        return
    model = world.model
    model.vis.quality.shadowsize = 0
    model.vis.quality.offsamples = 0
    model.vis.global_.offwidth, model.vis.global_.offheight = WIDTH, HEIGHT
    endless_floors(model)

    with mujoco.Renderer(model, HEIGHT, WIDTH) as renderer:

        def picture() -> Frame:
            data = world.simulation(0)
            mujoco.mj_forward(model, data)
            renderer.update_scene(data, 0 if model.ncam else -1)
            return np.asarray(renderer.render())

        yield picture


def endless_floors(model: mujoco.MjModel) -> None:
    """Draw planes without an end, as the physics takes them: a fast runner would leave the part that is drawn."""
    for geom in np.flatnonzero(model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)):
        material = model.geom_matid[geom]
        sizes = model.geom_size[geom, :2]
        if material >= 0 and sizes.all() and not model.mat_texuniform[material]:
            model.mat_texrepeat[material] /= 2 * sizes  # a pattern was spread over the plane; now it is repeated by the metre
            model.mat_texuniform[material] = 1
        model.geom_size[geom, :2] = 0


def encode(frames: Iterator[Frame], fps: int) -> tuple[bytes, int]:
    """Encode frames (height, width, 3) as H.264 in an MP4 that plays while it loads. Returns it and the frame count."""
    import av

    count = 0
    # faststart rewrites the file, so a buffer won't do; a box without namespaces lets no folder be made.
    with tempfile.NamedTemporaryFile(suffix=".mp4") as scratch:
        file = Path(scratch.name)
        with av.open(str(file), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=fps, options={"crf": "26", "preset": "veryfast"})
            stream.pix_fmt = "yuv420p"
            for whole in frames:
                frame = whole[: whole.shape[0] // 2 * 2, : whole.shape[1] // 2 * 2]  # H.264 wants even sizes
                if not count:
                    stream.height, stream.width = frame.shape[:2]
                count += 1
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
            container.mux(stream.encode())
        return file.read_bytes(), count
