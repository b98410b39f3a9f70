#!/bin/sh
# The suite: everything on the newest Redis found, in parallel; what needs a quiet machine alone;
# then what speaks to Redis once more on the oldest. Arguments go to every pytest.
set -eu
cd "$(dirname "$0")/.."

python=.venv/bin/python

run() { # 5: no test was selected, which is no failure of a part
    status=0
    "$python" -m pytest -q "$@" </dev/null || status=$?
    [ "$status" = 0 ] || [ "$status" = 5 ] || exit "$status"
}

newest=$("$python" -c 'from tests.servers import binary; print(binary())')
oldest=$("$python" -c 'from tests.servers import oldest; print(oldest())')

echo "test: the suite, on $("$newest" --version | cut -d' ' -f1-3)"
run -n 2 --dist loadfile -m "not quiet" "$@"
echo "test: what needs a quiet machine"
run -n 0 -m quiet "$@"
if [ "$oldest" != "$newest" ]; then
    echo "test: what speaks to Redis, on $("$oldest" --version | cut -d' ' -f1-3)"
    JOBDESK_TEST_REDIS=$oldest run -n 2 --dist loadfile -m "servers and not quiet" "$@"
fi
