#!/usr/bin/env bash
# test.sh PYTHON JOBS MARK [SELECT]: pytest on JOBS processes; SELECT is a path, a test id or a word of the name.
# One file stays on one process, for its regions and browsers (marks of groups do not reach pytest-xdist under pytest 9.2).
# What tests write is thrown away, so it is written in memory where that has room: hundreds of databases are made and
# dropped, which a disk takes minutes for. TMPDIR, where given, decides.
set -euo pipefail

python=$1 jobs=$2 mark=$3 select=${4:-}
arguments=(-n "$jobs" --dist loadfile -m "$mark" --durations 15)
[ "$mark" = long ] && arguments+=(--long)
if [ -n "$select" ]; then
    if [ -e "${select%%::*}" ]; then arguments+=("$select"); else arguments+=(-k "$select"); fi
fi

memory=/dev/shm needed=$((6 * 1024 * 1024))
free=$(df --output=avail "$memory" 2>/dev/null | tail -n 1 || echo 0)
if [ -z "${TMPDIR:-}" ] && [ -w "$memory" ] && [ "$free" -ge "$needed" ]; then
    TMPDIR=$(mktemp -d "$memory/lt.XXXXXX")
    chmod 711 "$TMPDIR" # the PostgreSQL server may run as another user
    export TMPDIR
    trap 'rm -rf "$TMPDIR"' EXIT
fi
"$python" -m pytest "${arguments[@]}"
