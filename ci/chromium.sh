# Sourced by ci/test: Debian's chromium and npm's axe-core for the tests of the report's page, where they need nobody's help. Any
# Chromium or Chrome on PATH is taken. Without a browser these tests skip and say so, without axe-core one of them does. Never fails.
AXE_CORE=axe-core@4.14.1 # a checker of accessibility, MPL-2.0: fetched beside the project's caches, not kept in the repository

install_chromium() {
    local as_root="env DEBIAN_FRONTEND=noninteractive" name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null && return 0
    done
    command -v apt-get >/dev/null || return 0
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 0
        as_root="sudo -n $as_root"
    fi
    say "installing chromium for the tests (skipped if it can't be)"
    timeout 60 $as_root apt-get update -qq </dev/null >/dev/null 2>&1 || return 0
    timeout 240 $as_root apt-get install -y -qq --no-install-recommends chromium fonts-liberation </dev/null >/dev/null 2>&1 || true
}

install_axe() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/tickbench-tests
    if [ -f "$cache/${AXE_CORE/@/-}.tgz" ] || ! command -v npm >/dev/null; then
        return 0
    fi
    say "fetching $AXE_CORE for the tests (skipped if it can't be)"
    mkdir -p "$cache" && (cd "$cache" && timeout 60 npm pack --silent "$AXE_CORE" </dev/null >/dev/null 2>&1) || true
}
