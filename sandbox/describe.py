"""The `describe` verb: a world's typed state table, with the range of every component."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from envs import worlds
from envs.errors import WorldError
from envs.vec_env import VecEnv, WorldSpec
from sandbox.output import Output

RANDOM_WORLDS = 16
RANDOM_STEPS = 200
LOW_QUANTILE, HIGH_QUANTILE = 0.05, 0.95


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send the table. job: world (a folder's name or a gymnasium id), seed (of the random play)."""
    try:
        world = worlds.make(job["world"], RANDOM_WORLDS)
        spec = world.spec
        native = worlds.native_folder(job["world"])
        reviewed = worlds.folder(native) / "ranges.toml" if native else None
        if reviewed and reviewed.exists():
            content = tomllib.loads(reviewed.read_text())
            ranges, origin = content["ranges"], content["from"]
        else:
            ranges, origin = random_play_ranges(world, job["seed"]), "random play"
        variants = tuple(world.variants) if hasattr(world, "vary") else ()  # type: ignore[attr-defined]
        if len(variants) > 1:
            world.vary(variants, lambda row: 0)  # type: ignore[attr-defined]  # says which one isn't alike
    except WorldError as error:
        output.result("rejected", str(error))
        return
    found = table(spec, native or job["world"], ranges, origin)
    output.result("ok", table={**found, "variants": list(variants)} if len(variants) > 1 else found)


def random_play_ranges(world: VecEnv, seed: int) -> dict[str, Any]:
    """Measure each field's 5 and 95 % quantiles over random actions, one a component."""
    generator = np.random.default_rng(seed)
    world.reset([seed])
    seen: dict[str, list[Any]] = {field.name: [] for field in world.spec.fields}
    for _ in range(RANDOM_STEPS):
        step = world.step(world.spec.random_actions(generator, world.num_envs))
        for name, values in seen.items():
            values.append(getattr(step.state, name).numpy())
    return {name: quantiles(np.concatenate(values)) for name, values in seen.items()}


def quantiles(values: np.ndarray[Any, Any]) -> dict[str, list[float]]:
    """Return the 5 and 95 % quantiles of (samples, *shape), flattened, to three significant digits."""
    bounds = np.quantile(values.reshape(len(values), -1), [LOW_QUANTILE, HIGH_QUANTILE], axis=0)
    low, high = ([float(f"{x:.3g}") for x in row] for row in bounds)
    return {"low": low, "high": high}


def table(spec: WorldSpec, name: str, ranges: Mapping[str, Any], ranges_from: str) -> dict[str, Any]:
    """Return the state table as JSON. `name` is what jobs call the world."""
    return {
        "world": name,
        "gymnasium_id": spec.gymnasium_id,
        "summary": spec.summary,
        "fields": [
            {
                "name": field.name,
                "shape": list(field.shape),
                "unit": field.unit,
                "frame": field.frame,
                "kind": field.kind,
                "sentence": field.sentence,
                "components": list(field.components),
                **ranges[field.name],
            }
            for field in spec.fields
        ],
        "action": {
            "names": list(spec.action_names),
            "low": [float(x) for x in spec.action_low],
            "high": [float(x) for x in spec.action_high],
            "sentence": spec.action_sentence,
            "choices": spec.choices,
        },
        "dt_s": spec.dt_s,
        "episode_steps": spec.episode_steps,
        "observation_dim": spec.observation_dim,
        "ranges_from": ranges_from,
        **({"pictures": len(spec.images)} if spec.images else {}),
    }
