"""Drawing: floors go on for ever, as far as a policy runs, and the physics doesn't notice."""

import mujoco
import numpy as np

from sandbox.render import endless_floors

SCENE = """
<mujoco>
  <asset>
    <texture name="squares" type="2d" builtin="checker" width="16" height="16" rgb1="0 0 0" rgb2="1 1 1"/>
    <material name="spread" texture="squares" texrepeat="60 30"/>
    <material name="metric" texture="squares" texrepeat="3 3" texuniform="true"/>
  </asset>
  <worldbody>
    <geom name="floor" type="plane" size="20 10 1" material="spread"/>
    <geom name="bare" type="plane" size="5 5 1" pos="0 0 -1"/>
    <geom name="tiles" type="plane" size="0 0 1" pos="0 0 -2" material="metric"/>
    <body pos="100 0 1"><freejoint/><geom name="ball" size="0.1"/></body>
  </worldbody>
</mujoco>
"""


def test_floors_are_drawn_without_an_end_and_their_pattern_keeps_its_size():
    model = mujoco.MjModel.from_xml_string(SCENE)
    endless_floors(model)
    assert not model.geom_size[:3, :2].any()
    assert model.geom_size[model.geom("ball").id, 0] == 0.1
    np.testing.assert_allclose(model.mat_texrepeat[model.mat("spread").id], [60 / 40, 30 / 20])  # by the metre
    np.testing.assert_allclose(model.mat_texrepeat[model.mat("metric").id], [3, 3])  # it was so before
    assert model.mat_texuniform[model.mat("spread").id] == 1


def test_the_ball_falls_as_before():
    fallen = []
    for drawn in (False, True):
        model = mujoco.MjModel.from_xml_string(SCENE)
        if drawn:
            endless_floors(model)
        data = mujoco.MjData(model)
        mujoco.mj_step(model, data, 500)
        fallen.append(data.qpos.copy())
    np.testing.assert_array_equal(*fallen)
    assert 0 < fallen[0][2] < 0.2  # on the floor, 80 m beyond where it was drawn
