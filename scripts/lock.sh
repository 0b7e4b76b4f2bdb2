#!/bin/sh
# Makes every lock again, with the hashes of all platforms' wheels. Type it after changing pyproject.toml or a *.in file:
#   sh scripts/lock.sh              keeps the versions that are locked, where they still fit
#   sh scripts/lock.sh --upgrade    takes the newest ones
# It uses `uv` from the PATH, or installs one into a folder that it deletes again.
# native-cpu.lock is written by hand: it names builds of torch that the index doesn't have.
set -eu
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/pip" install --quiet uv
    uv=$scratch/venv/bin/uv
fi

compile() { # output, then uv's further arguments
    output=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --output-file "$output" "$@"
}

compile scripts/dev.lock pyproject.toml scripts/host.in --extra dev "$@"
compile scripts/litellm.lock pyproject.toml --extra dev --extra litellm --constraint scripts/dev.lock
compile scripts/cluster.lock pyproject.toml --extra dev --extra ray --extra slurm --constraint scripts/dev.lock "$@"
compile scripts/trackers.lock pyproject.toml --extra dev --extra tensorboard --extra wandb --constraint scripts/dev.lock
compile scripts/browser.lock pyproject.toml --extra browser --constraint scripts/dev.lock "$@"
compile scripts/host.lock pyproject.toml scripts/host.in --constraint scripts/dev.lock
compile scripts/worker-test.lock scripts/worker-test.in --constraint scripts/dev.lock

environments=sandbox/environments
for names in "$environments"/*.in; do
    name=${names%.in}
    # uv keeps locked versions that it finds in its output file: show it the two halves as one.
    cat "$name.lock" "$name-cuda.lock" 2>/dev/null >"$scratch/whole.lock" || true
    compile "$scratch/whole.lock" "$names" "$@"
    python3 scripts/split_lock.py "$scratch/whole.lock" "$name.lock" "$name-cuda.lock"
done
