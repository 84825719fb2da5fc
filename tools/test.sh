#!/usr/bin/env bash
# test.sh PYTHON JOBS MARK [SELECT]: pytest on JOBS processes; SELECT is a path, a test id or a word of the name.
# One file stays on one process, for its regions and browsers (marks of groups do not reach pytest-xdist under pytest 9.2).
set -euo pipefail

python=$1 jobs=$2 mark=$3 select=${4:-}
arguments=(-n "$jobs" --dist loadfile -m "$mark" --durations 15)
[ "$mark" = long ] && arguments+=(--long)
if [ -n "$select" ]; then
    if [ -e "${select%%::*}" ]; then arguments+=("$select"); else arguments+=(-k "$select"); fi
fi
exec "$python" -m pytest "${arguments[@]}"
