#!/bin/sh
# Lints, type-checks and tests everything: sh scripts/test.sh
# Host tests run in .venv, worker tests in the worker environment with pytest beside it. Fails if anything fails.
set -eu
# shellcheck source=scripts/setup.sh
. "$(dirname -- "$0")/setup.sh"

make_host scripts/dev.lock
make_worker

WORKER_PYTHON=$("$VENV/bin/python" -m designer.environments python native)
WORKER_PYTEST=$ROOT/.environments/worker-test
WORKER_LOCK=$ROOT/scripts/worker-test.lock
if ! cmp -s "$WORKER_LOCK" "$WORKER_PYTEST/made-from.lock"; then
    rm -rf "$WORKER_PYTEST"
    "$VENV/bin/python" -m pip --disable-pip-version-check --quiet install --target "$WORKER_PYTEST" \
        --no-deps --require-hashes -r "$WORKER_LOCK"
    cp "$WORKER_LOCK" "$WORKER_PYTEST/made-from.lock"
fi

cd "$ROOT"
failed=

# $1: what it is, then the command.
step() {
    title=$1
    shift
    printf '\n== %s\n' "$title"
    "$@" || failed="$failed, $title"
}

step "ruff check" "$VENV/bin/ruff" check .
step "ruff format" "$VENV/bin/ruff" format --check .
step "mypy" "$VENV/bin/mypy"
# One process more than cores: many tests wait. The long ones come first, so that none is left alone at the end.
step "host tests" "$VENV/bin/python" -m pytest -rs -n "$(($(getconf _NPROCESSORS_ONLN) + 1))" --dist worksteal \
    tests/e2e tests/contract tests/docker tests/cluster tests/designer
step "worker tests" env PYTHONPATH="$WORKER_PYTEST" "$WORKER_PYTHON" -m pytest tests/envs tests/sandbox

if [ -n "$failed" ]; then
    printf '\nFailed: %s\n' "${failed#, }"
    exit 1
fi
