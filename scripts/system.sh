#!/bin/sh
# Installs the system packages that Python packages can't bring: sh scripts/system.sh [--tests | --browser]
# Rendering needs EGL; virtual environments need Debian's python3-venv. Does nothing where all of them are there.
# --tests: also what only tests need: bwrap, and the kernel's headers with the numbers of its system calls.
# --browser: a browser for the review desk's tests, with a font.
set -eu

packages="libegl1 libegl-mesa0 libgl1-mesa-dri libgl1 libgles2"
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    packages="$packages python3-venv"
fi
if [ "${1:-}" = --tests ]; then
    packages="$packages bubblewrap linux-libc-dev"
fi
if [ "${1:-}" = --browser ]; then
    packages="$packages chromium fonts-dejavu-core"
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This system has no apt-get. Install with its own package manager: EGL and OpenGL with Mesa's software" >&2
    echo "renderer (on Debian: $packages). Training and judging work without them; clips don't." >&2
    exit 1
fi

missing=
for package in $packages; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "All system packages are installed."
    exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    if ! command -v sudo >/dev/null; then
        echo "Not root, and there is no sudo. As root type: apt-get install$missing" >&2
        exit 1
    fi
fi
echo "Installing$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of names
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $missing >/dev/null
