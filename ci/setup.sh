# Sourced by the scripts of this folder: makes .venv with the pinned packages, or re-uses it. Sets PYTHON to its interpreter.
#   TICKBENCH_PYTHON  the interpreter to make .venv from (default: the newest of python3.13 … python3.11, python3)
#   TICKBENCH_VENV    where to make it (default: .venv beside pyproject.toml)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 2
venv=${TICKBENCH_VENV:-$root/.venv}

say() { printf '== %s\n' "$*"; }

usable_python() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13)))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${TICKBENCH_PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if command -v "$candidate" >/dev/null && usable_python "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "tickbench needs Python 3.11 to 3.13 with its venv module (Debian: apt-get install python3-venv);" \
        "set TICKBENCH_PYTHON to such an interpreter." >&2
    return 2
}

# setup EXTRAS: e.g. `setup peers` or `setup peers,dev`
setup() {
    local extras=$1 interpreter stamp wanted
    PYTHON=$venv/bin/python
    stamp=$venv/.tickbench-$extras
    wanted=$(cat pyproject.toml ci/constraints.txt | cksum)
    if [ -x "$PYTHON" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        say "using $venv ($("$PYTHON" --version))"
        return
    fi
    if [ ! -x "$PYTHON" ]; then
        interpreter=$(find_python) || exit 2
        say "making $venv with $("$interpreter" --version)"
        "$interpreter" -m venv "$venv" || exit 2
    fi
    say "installing tickbench[$extras] with the versions of ci/constraints.txt"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-input -c ci/constraints.txt -e ".[$extras]" || {
        echo "installing failed: see the lines above; a second run goes on from here" >&2
        exit 2
    }
    echo "$wanted" >"$stamp"
}
