"""Choose how MuJoCo draws. It reads the choice when it is imported, so this comes first and imports no simulator."""

from __future__ import annotations

import ctypes.util
import os

BACKEND_VARIABLE = "MUJOCO_GL"


def choose_backend() -> None:
    """Point MuJoCo at a software renderer that this machine can load, if there is one; pygame draws without a screen."""
    os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
    for backend, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if ctypes.util.find_library(library):
            os.environ[BACKEND_VARIABLE] = backend
            return
