"""Rollouts: the right episodes for the right policies, from the same starts, and nothing after an episode's end."""

import numpy as np
import pytest
from safetensors.numpy import load

from envs import worlds
from sandbox.policy import pack
from tests.sandbox.frames import run_verb
from tests.sandbox.policies import HOPPER, PENDULUM, constant_policies

pytestmark = pytest.mark.worker

SEED = 21


def job(world: str = "pendulum", **changes):
    made = {"world": world, "checkpoints": 1, "policies": 1, "episodes": 3, "earlier_episodes": 2, "seed": SEED}
    return {"verb": "rollout", **made, **changes}


def played(payload: bytes, **changes):
    """Return the result and the arrays."""
    sent = run_verb(job(**changes), policy_safetensors=payload)
    assert set(sent.files) == {"trajectories.safetensors"}
    return sent.result, load(sent.files["trajectories.safetensors"])


def test_episodes_belong_to_the_policies_that_the_index_says():
    checkpoints = [constant_policies(PENDULUM, action, -action) for action in (0.1, 0.2, 0.3)]
    result, arrays = played(pack(checkpoints), checkpoints=3, policies=2)
    assert (result["status"], result["error"]) == ("ok", "")
    assert result["index"] == [[0, 0, 2], [0, 1, 2], [1, 0, 2], [1, 1, 2], [2, 0, 3], [2, 1, 3]]
    told = np.concatenate([[action] * episodes for (*_, episodes), action in zip(
        result["index"], (0.1, -0.1, 0.2, -0.2, 0.3, -0.3), strict=True)])  # fmt: skip
    torque_limit = 2.0
    np.testing.assert_allclose(arrays["action"], np.broadcast_to(told[:, None, None] * torque_limit, (14, 200, 1)), rtol=1e-6)
    assert arrays["length"].tolist() == [200] * 14
    fields = {field.name: field.shape for field in worlds.make("pendulum", 1).spec.fields}
    assert {name: array.shape for name, array in arrays.items() if name not in ("action", "length")} == {
        f"state.{name}": (14, 200, *shape) for name, shape in fields.items()
    }
    assert {array.dtype for name, array in arrays.items() if name != "length"} == {np.dtype("float32")}


def test_earlier_checkpoints_can_be_left_out():
    checkpoints = [constant_policies(PENDULUM, 0.1), constant_policies(PENDULUM, 0.2)]
    result, arrays = played(pack(checkpoints), checkpoints=2, earlier_episodes=0)
    assert result["index"] == [[1, 0, 3]]
    np.testing.assert_allclose(arrays["action"], 0.4, rtol=1e-6)


def test_every_policy_starts_from_the_same_states():
    _, arrays = played(pack([constant_policies(PENDULUM, 0.0, 0.5)]), policies=2, episodes=4)
    first = arrays["state.rod_angular_velocity"][:, 0].reshape(2, 4)
    assert first[0].std() > 0.1, "the episodes differ"
    # the same torque more changes the first step's speed by the same
    change = first[1] - first[0]
    assert change.mean() > 0.1
    assert change.std() < 1e-4


def test_another_seed_gives_other_starts():
    payload = pack([constant_policies(PENDULUM, 0.0)])
    first, again, other = (played(payload, seed=seed)[1]["state.rod_angle"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.isclose(first, other).any(axis=1).all()


def test_nothing_is_recorded_after_the_end():
    _, arrays = played(pack([constant_policies(HOPPER, 1.0)]), world="hopper", episodes=8)
    length = arrays.pop("length")
    assert length.max() < 200, "it falls"
    assert len(set(length.tolist())) > 1, "not all fall at once"
    for name, array in arrays.items():
        for episode, steps in enumerate(length):
            assert not array[episode, steps:].any(), name
    for episode, steps in enumerate(length):
        assert (arrays["action"][episode, :steps] == 1).all()
        assert (arrays["state.torso_position"][episode, :steps, 1] > 0).all()


def test_an_episode_ends_with_the_state_that_ended_it():
    """Play the same by hand, until every world has ended once."""
    _, arrays = played(pack([constant_policies(HOPPER, 1.0)]), world="hopper", episodes=4)
    world = worlds.make("hopper", 4)
    world.reset([SEED])
    expected = np.zeros((4, 1000, 2), dtype=np.float32)
    length = np.zeros(4, dtype=int)
    for t in range(200):
        step = world.step(np.ones((4, 3)))
        for k in np.flatnonzero(length == 0):
            expected[k, t] = step.state.torso_position[k]
            if step.terminated[k]:
                length[k] = t + 1
    assert arrays["length"].tolist() == length.tolist()
    np.testing.assert_allclose(arrays["state.torso_position"], expected, rtol=1e-5, atol=1e-6)
    last = arrays["state.torso_position"][np.arange(4), length - 1, 1], arrays["state.torso_pitch"][np.arange(4), length - 1]
    assert ((last[0] <= 0.7) | (np.abs(last[1]) >= 0.2)).all()


@pytest.mark.parametrize(
    ("payload", "part"),
    [
        (b"", "has 0 bytes"),
        (b"\x08" + bytes(7) + b"not JSON", "header is not JSON"),
        (b"\x02" + bytes(7) + b"{}", "the policy file holds [], not"),
    ],
)
def test_policy_file_that_is_none_is_rejected(payload, part):
    sent = run_verb(job(), policy_safetensors=payload)
    assert sent.files == {}
    assert sent.result["status"] == "rejected"
    assert sent.result["error"].startswith("the policy file was refused: ")
    assert part in sent.result["error"]


@pytest.mark.parametrize("changes", [{"policies": 2}, {"checkpoints": 2}, {"world": "hopper"}])
def test_policy_file_of_another_job_is_rejected(changes):
    sent = run_verb(job(**changes), policy_safetensors=pack([constant_policies(PENDULUM, 0.0)]))
    assert sent.result["status"] == "rejected"


def test_random_play_needs_no_policy_and_depends_on_its_seeds():
    def random_play(*seeds):
        sent = run_verb(job(policies=2, random_seeds=list(seeds)))
        assert sent.result["index"] == [[0, 0, 3], [0, 1, 3]]
        return load(sent.files["trajectories.safetensors"])["action"]

    action = random_play(1, 2)
    np.testing.assert_array_equal(action, random_play(1, 2))
    assert not np.array_equal(action[:3], random_play(3, 2)[:3])
    torque_limit = 2.0
    assert action.min() < -0.95 * torque_limit
    assert action.max() > 0.95 * torque_limit
    assert abs(action.mean()) < 0.1
