"""Slurm's commands as small scripts, for a PATH of a test: jobs are processes of this machine and begin at once.

What hands jobs in, asks for them and cancels them is designer's and submitit's own code. `NOTES` names the folder that holds a
file a job: its state, in Slurm's word.
"""

from __future__ import annotations

from pathlib import Path

NOTES = "FAKE_SLURM_NOTES"
OFFER = "gpu*: 4 nodes of 64 CPUs, 256000 MB, GPUs gpu:a100:4, idle"
COMMANDS = {
    "sinfo": f"echo '{OFFER}'",
    "sbatch": """
n=1
while ! mkdir "$NOTES/$n.there" 2>/dev/null; do n=$((n + 1)); done
cp "$1" "$NOTES/$n.sh"
echo RUNNING > "$NOTES/$n"
(
    export SLURM_JOB_ID=$n SLURM_NTASKS=1 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NNODES=1 SLURM_NODEID=0
    export SLURM_JOB_NODELIST=localhost SLURMD_NODENAME=localhost
    setsid sh "$1" > /dev/null 2>&1 &
    echo $! > "$NOTES/$n.pid"
    if wait $!; then echo COMPLETED > "$NOTES/$n"; elif [ "$(cat "$NOTES/$n")" = RUNNING ]; then echo FAILED > "$NOTES/$n"; fi
) > /dev/null 2>&1 &
echo "Submitted batch job $n"
""",
    "squeue": """
for pid in "$NOTES"/*.pid; do
    n=$(basename "$pid" .pid)
    if grep -q RUNNING "$NOTES/$n" 2>/dev/null; then echo "$n"; fi
done
""",
    "scontrol": 'echo "JobId=$4 JobState=$(cat "$NOTES/$4")"',
    # As Slurm does: SIGTERM, which submitit's jobs don't end by, and what is still there after KillWait is killed.
    "scancel": """
echo CANCELLED > "$NOTES/$1"
kill -s TERM -- "-$(cat "$NOTES/$1.pid")"
sleep 1
kill -s KILL -- "-$(cat "$NOTES/$1.pid")"
""",
    "srun": """
while :; do
    case $1 in
        --output | --error) shift 2 ;;
        --*) shift ;;
        *) exec "$@" ;;
    esac
done
""",
}


def install(folder: Path) -> dict[str, str]:
    """Write the commands into a folder and return the variables that name their notes, and them."""
    notes, commands = folder / "notes", folder / "bin"
    notes.mkdir(parents=True)
    commands.mkdir()
    for name, does in COMMANDS.items():
        path = commands / name
        path.write_text(f"#!/bin/sh\nNOTES=${{{NOTES}:?}}\n{does}\n")
        path.chmod(0o755)
    return {NOTES: str(notes), "PATH": f"{commands}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
