"""Choose how MuJoCo draws. It reads the choice when it is imported, so this comes first and imports no simulator."""

from __future__ import annotations

import ctypes
import os

BACKEND_VARIABLE = "MUJOCO_GL"


def draw_nothing() -> None:
    """Keep MuJoCo from looking for a window system, which costs time and starts a program."""
    os.environ[BACKEND_VARIABLE] = "disabled"


def choose_backend() -> None:
    """Point MuJoCo at a software renderer that this machine can load, if there is one; pygame draws without a screen."""
    os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
    for backend, library in (("egl", "libEGL.so.1"), ("osmesa", "libOSMesa.so.8")):
        try:
            ctypes.CDLL(library)  # asking ldconfig would start a program, which a box doesn't have
        except OSError:
            continue
        os.environ[BACKEND_VARIABLE] = backend
        return
