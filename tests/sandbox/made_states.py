"""Hand-made states for the tests of the reward harness: a speed and a position of three worlds, no simulator."""

import numpy as np

from envs.state import State, StateField

FIELDS = {
    "speed": StateField("speed", (), "m/s", "world", "linear_velocity", "Speed.", (), lambda raw: raw["speed"]),
    "place": StateField("place", (2,), "m", "world", "position", "Place.", ("x", "z"), lambda raw: raw["place"]),
}
NUM_ENVS = 3


def made_state(speed=(1.0, 2.0, 3.0), before=(0.5, 1.5, 2.5), time_s=0.1) -> State:
    """A state with this speed (m/s) and episode time (s), after one with the speed `before`."""
    return State(FIELDS, snapshot(speed), np.full(NUM_ENVS, time_s), 0.5, State(FIELDS, snapshot(before), np.zeros(NUM_ENVS)))


def snapshot(speed) -> dict[str, np.ndarray]:
    return {"speed": np.array(speed), "place": np.zeros((NUM_ENVS, 2))}
