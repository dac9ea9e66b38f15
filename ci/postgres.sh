# Sourced by ci/test: installs Debian's PostgreSQL for the tests of a shared history, where that needs nobody's help. The tests
# start a server of their own on loopback and stop it; without the package they skip and say so. Never fails.
install_postgresql() {
    local as_root="env DEBIAN_FRONTEND=noninteractive"
    if compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || ! command -v apt-get >/dev/null; then
        return 0
    fi
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 0
        as_root="sudo -n $as_root"
    fi
    say "installing postgresql for the tests (skipped if it can't be)"
    timeout 60 $as_root apt-get update -qq </dev/null >/dev/null 2>&1 || return 0
    # postgresql-common first: told to make no cluster, the server package starts nothing.
    timeout 120 $as_root apt-get install -y -qq postgresql-common </dev/null >/dev/null 2>&1 || return 0
    $as_root sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf 2>/dev/null || return 0
    timeout 180 $as_root apt-get install -y -qq postgresql </dev/null >/dev/null 2>&1 || true
}
