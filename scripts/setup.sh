#!/bin/sh
# Make .venv and have the system packages: what `make demo` and `make test` need, and no more.
#
#     scripts/setup.sh demo|test
#
# It may be run any number of times, and does nothing when nothing has changed. It uses pip and
# apt-get as they are configured on this machine. System packages are installed when the user may
# (root, or sudo without a password); otherwise it says the one line to run.
set -eu

profile=${1:-demo}
case $profile in
    demo) extras=embedded ;;
    test) extras=embedded,test ;;
    *) echo "usage: scripts/setup.sh demo|test" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."

say() { echo "setup: $*"; }
die() { echo "setup: $*" >&2; exit 1; }

# --- the Python to use

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.12 python3.11 python3.13 python3.14; do
        if command -v "$candidate" >/dev/null 2>&1 && is_recent "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11 or later is needed; set PYTHON=/path/to/python3 where it has another name"
}

# --- system packages

missing=

need() { # need PACKAGE COMMAND...: the package is missing unless the command succeeds
    package=$1; shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

has_library() { "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1"; }

has_redis() { # one of our own will do for the demo: the extra "embedded" carries it for some
    command -v redis-server || command -v valkey-server || {
        [ "$profile" = demo ] && "$python" -c 'import platform, sys
sys.exit(not (sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 13)))'
    }
}

has_postgresql() { # Debian keeps its programs off the path
    ls /usr/lib/postgresql/*/bin/initdb || command -v initdb
}

find_missing() {
    need "$(basename "$python")-venv" "$python" -c 'import ensurepip, venv'
    need libpangoft2-1.0-0 has_library libpangoft2-1.0.so.0
    need libharfbuzz-subset0 has_library libharfbuzz-subset.so.0
    need redis-server has_redis
    if [ "$profile" = test ]; then
        need poppler-utils command -v pdftotext
        need postgresql has_postgresql
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || sudo -n true >/dev/null 2>&1
}

# No service is started for us: the policy refuses while apt-get runs. Our servers are our own.
install_packages() {
    policy=
    if [ ! -e /usr/sbin/policy-rc.d ] && [ -d /usr/sbin ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    status=0
    log=$(mktemp)
    {
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" </dev/null >"$log" 2>&1 || {
            as_root apt-get update </dev/null >"$log" 2>&1 &&
            as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" </dev/null >>"$log" 2>&1
        }
    } || status=$?
    [ -z "$policy" ] || as_root rm -f "$policy"
    if [ "$status" != 0 ]; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        die "apt-get could not install: $*"
    fi
    rm -f "$log"
}

have_system_packages() {
    missing=
    find_missing
    [ -n "$missing" ] || return 0
    if may_install; then
        say "installing$missing"
        # shellcheck disable=SC2086  # one word per package
        install_packages $missing
        missing=
        find_missing
        [ -z "$missing" ] || die "still missing after apt-get:$missing"
    else
        die "please run: sudo apt-get install -y --no-install-recommends$missing"
    fi
}

# --- .venv

digest() { cksum pyproject.toml scripts/setup.sh | cksum | cut -d' ' -f1; }

have_venv() {
    if [ ! -x .venv/bin/python ] || ! is_recent .venv/bin/python; then
        say "making .venv with $("$python" --version)"
        rm -rf .venv
        "$python" -m venv .venv
    fi
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    say "installing jobdesk[$extras] and what it needs into .venv"
    log=$(mktemp)
    .venv/bin/python -m pip install --disable-pip-version-check --no-input --quiet \
        --editable ".[$extras]" </dev/null >"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        rm -f "$log"
        die "pip could not install jobdesk[$extras]"
    }
    rm -f "$log"
    # A command line should start as fast where Python is told to write no byte code.
    .venv/bin/python -m compileall -q jobdesk >/dev/null || true
}

stamp=.venv/.jobdesk-$profile
key="$(digest) $(pwd)"
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; then
    exit 0
fi
python=$(find_python)
have_system_packages
have_venv
echo "$key" >"$stamp"
# The tests' packages are a superset of the demo's.
[ "$profile" = demo ] || echo "$key" >.venv/.jobdesk-demo
