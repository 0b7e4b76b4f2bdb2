# Sourced by demo.sh and test.sh: makes the two environments where they are missing or outdated.
# shellcheck shell=sh
# Afterwards $ROOT is the checkout, $VENV the host's environment; `make_host LOCK` and `make_worker` have been defined.

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
VENV=$ROOT/.venv

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Prints a Python 3.11 to 3.14 that can make virtual environments.
find_python() {
    old=
    bare=
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        case $version in
            3.11 | 3.12 | 3.13 | 3.14) ;;
            *)
                old="$old $name ($version)"
                continue
                ;;
        esac
        if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            command -v "$name"
            return
        fi
        bare=$version
    done
    if [ -n "$bare" ]; then
        fail "Python $bare is here, but can't make virtual environments." \
            "On Debian or Ubuntu type: sudo apt install python$bare-venv"
    fi
    fail "designer needs Python 3.11, 3.12, 3.13 or 3.14; found:${old:- none}." \
        "On Debian 12 or Ubuntu 24.04 and later type: sudo apt install python3 python3-venv"
}

# $1: the lock that .venv is made from, a path below $ROOT.
make_host() {
    PYTHON=$(find_python) || exit 1
    (cd "$ROOT" && "$PYTHON" -m designer.venvs --folder .venv --project . "$1") || exit 1
}

make_worker() {
    "$VENV/bin/python" -m designer.environments build native || exit 1
}
