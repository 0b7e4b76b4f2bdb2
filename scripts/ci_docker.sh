#!/bin/sh
# Tests the docker sandbox on a machine without a container engine or a registry: sudo sh scripts/ci_docker.sh
# Installs Debian's engine where there is none, starts one of its own with everything in a temporary folder, and runs
#   the conformance suite and tests/docker on an empty image with this machine's interpreter bound read-only,
#   the attack table's docker column,
#   the real Dockerfile on a base made from Debian's packages, the conformance suite and a small run on it.
# Stops and wipes all of it afterwards, and fails if anything is left. Needs root, both environments and 8 GB of disk.
set -eu
# shellcheck source=scripts/setup.sh
. "$(dirname -- "$0")/setup.sh"

[ "$(id -u)" -eq 0 ] || fail "Starting a container engine takes root: sudo sh scripts/ci_docker.sh"
[ -x "$VENV/bin/python" ] || fail "Type first: sh scripts/test.sh (it makes both environments)"
cd "$ROOT"

work=$(mktemp -d)
# A temporary folder of its own: what is found in it at the end was left behind.
TMPDIR=$work.temporary
mkdir "$TMPDIR"
export TMPDIR
engine_pid=
failed=

# What an engine could leave: mounts, network interfaces, processes, folders of boxes.
belongings() {
    cut -d ' ' -f 2 /proc/mounts | grep -v '^/proc/sys/fs/binfmt_misc' | sort
    ls /sys/class/net
    for place in /proc/[0-9]*; do
        name=$(cat "$place/comm" 2>/dev/null || true)
        case $name in dockerd | containerd | containerd-shim* | runc*) echo "$name" ;; esac
    done | sort
    find "$TMPDIR" -mindepth 1 -maxdepth 1 ! -name 'pytest-of-*'
    if command -v iptables-save >/dev/null; then iptables-save 2>/dev/null | grep -v '^#' | sed 's|\[[0-9:]*\]||' || true; fi
}

wipe() {
    if [ -n "$engine_pid" ]; then
        kill "$engine_pid" 2>/dev/null || true
        wait "$engine_pid" 2>/dev/null || true
    fi
    grep " $work/" /proc/mounts | cut -d ' ' -f 2 | sort -r | while read -r mounted; do umount -l "$mounted"; done
    rm -rf "$work"
    # The engine's control groups, empty by now.
    find /sys/fs/cgroup -depth -type d -path '*/docker*' -exec rmdir {} + 2>/dev/null || true
}
trap 'wipe; rm -rf "$work.before" "$work.after" "$TMPDIR"' EXIT
trap 'exit 1' INT TERM

# $1: what it is, then the command.
step() {
    title=$1
    shift
    printf '\n== %s\n' "$title"
    begun=$(date +%s)
    "$@" || failed="$failed, $title"
    printf '   %d s\n' "$(($(date +%s) - begun))"
}

install_engine() {
    missing=
    command -v dockerd >/dev/null || missing="docker.io"
    command -v mmdebstrap >/dev/null || missing="$missing mmdebstrap"
    [ -z "$missing" ] && return
    apt-get update -qq
    # Debian starts what it installs, unless this program forbids it: the only engine here is to be the one below.
    policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] && policy=
    [ -z "$policy" ] || printf '#!/bin/sh\nexit 101\n' | install -m 755 /dev/stdin "$policy"
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $missing >/dev/null || install_failed=1
    [ -z "$policy" ] || rm -f "$policy"
    return "${install_failed:-0}"
}

start_engine() {
    dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" -H "$DOCKER_HOST" --bridge=none \
        --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --userland-proxy=false >"$work/log" 2>&1 &
    engine_pid=$!
    for _ in $(seq 100); do
        if "$VENV/bin/python" -c "from designer.executors.engine import DockerEngine; print(DockerEngine().about())" 2>/dev/null
        then
            return
        fi
        kill -0 "$engine_pid" 2>/dev/null || break
        sleep 0.2
    done
    tail -20 "$work/log" >&2
    fail "The engine doesn't start."
}

# A Debian with Python, as this machine's own package sources have it: what python:3.11-slim is made of.
make_base() {
    # shellcheck disable=SC2046,SC2086 # lists of paths, without spaces
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates \
        --aptopt="$(apt-config dump | grep '^Acquire::Check' || true)" \
        "$(. /etc/os-release && echo "$VERSION_CODENAME")" - \
        $(ls /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null) |
        "$VENV/bin/python" -c 'import os, sys, docker
docker.APIClient(os.environ["DOCKER_HOST"], timeout=600).import_image_from_stream(sys.stdin.buffer, repository="designer-base", tag="ci")'
}

# The build's containers have no index of their own: all wheels are downloaded here, from wherever this machine gets them.
make_image() {
    locks=sandbox/environments
    pip="$VENV/bin/python -m pip --disable-pip-version-check --quiet download --no-deps --require-hashes --dest $work/wheels"
    if $pip -r "$locks/native-cpu.lock"; then
        # torch is there: leave out its index build, which brings several GB of CUDA.
        awk '/^[^ #]/ { skip = /^torch==/ } !skip' "$locks/native.lock" >"$work/rest.lock"
        $pip -r "$work/rest.lock"
    else
        $pip -r "$locks/native.lock"
        $pip -r "$locks/native-cuda.lock"
    fi
    "$designer" image build native --sandbox docker --sandbox.base designer-base:ci --wheels "$work/wheels" --network host
}

# A run with containers of the real image; arguments are added.
run() {
    cd "$work" && exec "$designer" run half_cheetah_backward --sandbox.provider docker --sandbox.base designer-base:ci \
        --evaluation.episodes 2 --search.rounds 1 --search.population 2 --search.final-seeds 2 "$@"
}

small_run() {
    (run --training.steps 4096) | tee "$work/said" &&
        grep -q '^sandbox:  docker (.*no network.*seccomp' "$work/said" && grep -q '^clip: .*mp4' "$work/said"
}

# Says how long after a run was killed in its trainings no container, mount, process or temporary file of it is left. That it is
# two seconds for what is a box's own, the conformance suite asserts; the engine's helpers end when the engine finds time.
killed_run() {
    for _ in $(seq 100); do # the engine may still be busy with the end of the last container
        belongings | grep -q containerd-shim || break
        sleep 0.1
    done
    belongings >"$work/idle"
    (run --training.steps 10000000) >"$work/killed" 2>&1 &
    run_pid=$!
    for _ in $(seq 600); do
        if grep -q '^training' "$work/killed" && belongings | grep -q containerd-shim; then break; fi
        sleep 0.2
    done
    sleep 1
    kill -9 "$run_pid"
    killed=$(date +%s%3N)
    wait "$run_pid" 2>/dev/null || true
    for _ in $(seq 100); do
        if belongings | cmp -s "$work/idle" -; then
            echo "all of it was gone after $(($(date +%s%3N) - killed)) ms"
            return
        fi
        sleep 0.1
    done
    belongings | diff "$work/idle" -
}

belongings >"$work.before"
export DOCKER_HOST="unix://$work/docker.sock" DESIGNER_NEEDS_ENGINE=1
designer=$VENV/bin/designer
step "install an engine" install_engine
step "start an engine" start_engine
step "conformance and tests on an empty image" "$VENV/bin/python" -m pytest tests/docker
step "attack table" "$VENV/bin/python" -m benchmarks.attack_table docker
step "base image" make_base
step "real image" make_image
step "conformance on the real image" "$designer" doctor --sandbox docker --sandbox.base designer-base:ci
step "a small run on the real image" small_run
step "a killed run leaves nothing" killed_run
step "the engine is stopped and wiped" wipe
engine_pid=
sleep 2
belongings >"$work.after"
step "nothing is left" diff "$work.before" "$work.after"

if [ -n "$failed" ]; then
    printf '\nFailed: %s\n' "${failed#, }"
    exit 1
fi
