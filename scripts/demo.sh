#!/bin/sh
# From a fresh clone to a trained half-cheetah: sh scripts/demo.sh
# Makes the two environments at the first call, then runs the built-in example, which needs no key and no GPU.
# Whatever you add to the command is passed on to `designer run`.
set -eu
# shellcheck source=scripts/setup.sh
. "$(dirname -- "$0")/setup.sh"

make_host scripts/host.lock
make_worker

# A small search, and fewer steps than the task has: it is to end in five minutes on two cores.
exec "$VENV/bin/designer" run half_cheetah_backward --search.rounds 2 --search.population 4 --search.finalists 2 \
    --training.steps 80000 "$@"
