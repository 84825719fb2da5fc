#!/usr/bin/env bash
# environment.sh VENV EXTRAS [PYTHON]: make the virtual environment VENV if it is missing and install the project
# into it, editable, with EXTRAS (comma separated, may be empty). Every refusal is one clear sentence.
set -euo pipefail

venv=$1 extras=$2 wanted=${3:-}
minimum="3, 11"

fail() { printf '\n%s\n' "$@" >&2; exit 1; }

is_new_enough() { "$1" -c "import sys; sys.exit(sys.version_info < ($minimum))" >/dev/null 2>&1; }

find_python() {
    local name
    for name in ${wanted:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if command -v "$name" >/dev/null 2>&1 && is_new_enough "$name"; then command -v "$name"; return; fi
    done
    return 1
}

if [ -x "$venv/bin/python" ] && ! is_new_enough "$venv/bin/python"; then
    echo "The interpreter of $venv is gone or too old; making the environment again." >&2
    rm -rf "$venv"
fi

if [ ! -x "$venv/bin/python" ]; then
    python=$(find_python) || fail \
        "需要 Python 3.11 或更高版本。 Python 3.11 or newer is needed and was not found${wanted:+ as '$wanted'}." \
        "Debian/Ubuntu: apt-get install python3 python3-venv; or name one: make … PYTHON=/path/to/python3"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
        "该 Python 缺少 venv 模块。 $python cannot make virtual environments." \
        "Debian/Ubuntu: apt-get install python3-venv"
    echo "Making $venv with $("$python" --version) …" >&2
    "$python" -m venv "$venv" || { rm -rf "$venv"; fail "无法创建虚拟环境。 The environment $venv could not be made; see the lines above."; }
fi

echo "Installing licence-trust${extras:+[$extras]} into $venv …" >&2
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input -e ".${extras:+[$extras]}" || fail \
    "依赖安装失败，请检查网络或软件源。 Installing failed: check the network or the package index that pip is set to use."
