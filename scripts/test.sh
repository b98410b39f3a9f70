#!/bin/sh
# The suite: what needs a quiet machine, alone; the rest on the newest Redis found, in parallel;
# then what speaks to Redis once more on the oldest. Arguments go to every pytest.
set -eu
cd "$(dirname "$0")/.."

python=.venv/bin/python

run() {
    "$python" -m pytest -q "$@" </dev/null
}

run_if_any() { # 5: no test was selected
    status=0
    run "$@" || status=$?
    [ "$status" = 0 ] || [ "$status" = 5 ] || exit "$status"
}

leave() { # to collect the whole suite takes longer than some parts of it
    printf -- '--ignore=tests/%s ' "$@"
}

newest=$("$python" -c 'from tests.servers import binary; print(binary())')
oldest=$("$python" -c 'from tests.servers import oldest; print(oldest())')

echo "test: what needs a quiet machine"
run_if_any -n 0 -m quiet $(leave unit integration chaos) "$@"
echo "test: the suite, on $("$newest" --version | cut -d' ' -f1-3)"
run -n 4 --dist loadfile -m "not quiet" "$@"
if [ "$oldest" != "$newest" ]; then
    echo "test: what speaks to Redis, on $("$oldest" --version | cut -d' ' -f1-3)"
    export JOBDESK_TEST_REDIS="$oldest"
    run_if_any -n 4 --dist loadfile -m "servers and not quiet" $(leave unit acceptance tui chaos) "$@"
fi
