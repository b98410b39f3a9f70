"""What all tests share: one Redis server per session, a namespace per test, no outside settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from jobdesk import settings as settings_module
from jobdesk.broker import connection
from tests import servers
from tests.chaos.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobdesk.broker.connection import Broker
    from jobdesk.settings import Settings

_OUTSIDE = (
    "JOBDESK_", "REDIS_", "RESEND_", "VAPID_", "DATABASE_URL", "FROM_", "CONTACT_EMAIL", "SMS_",
    "UNIFONIC_", "TWILIO_", "WEBHOOK_", "WHATSAPP_", "LEAN_", "STRIPE_", "MOYASAR_", "ZATCA_",
    "WATHQ_", "RATES_", "VISUAL", "EDITOR", "PAGER", "LESS",
)  # fmt: skip

# The developer's own settings must not reach the tests, nor the processes they start.
for _name in list(os.environ):
    if _name.startswith(_OUTSIDE) and not _name.startswith("JOBDESK_TEST_"):
        del os.environ[_name]

# On a busy machine an example may take long; that says nothing about the code.
hypothesis.settings.register_profile(
    "here", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("here")


#: What these ask of Redis, others ask of it too: they run on one server only.
_ABOVE = {
    "providers", "reports", "test_bad_input.py", "test_cli.py", "test_cli_terminal.py",
    "test_demo_flow.py", "test_hueys_own.py", "test_integrations_page.py", "test_mail_jobs.py",
    "test_stop_worker.py",
}  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails the run")
    parser.addoption(
        "--snapshot-update", action="store_true", help="write the pictures of the dashboard anew"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what `make test` runs a second time, on the oldest Redis; leave out what is slow."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        # the oldest one here has no TLS
        wanted = "redis_server" in fixtures and "tls_server" not in fixtures
        if wanted and "integration" in item.path.parts and not _ABOVE & set(item.path.parts):
            item.add_marker(pytest.mark.servers)
    for asked_for in ("slow", "chaos"):
        if asked_for not in (config.option.markexpr or ""):
            left_out = [item for item in items if item.get_closest_marker(asked_for)]
            items[:] = [item for item in items if not item.get_closest_marker(asked_for)]
            config.hook.pytest_deselected(items=left_out)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With ``--no-skips`` what was not run counts as failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [] if reporter is None else reporter.stats.get("skipped", [])
    if skipped and session.config.getoption("--no-skips") and session.exitstatus == 0:
        reporter.write_line(f"\n{len(skipped)} tests were skipped, and --no-skips allows none")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Server]:
    """A redis-server for the whole session (one per xdist worker), on a Unix socket."""
    server = servers.Server()
    yield server
    server.stop()


@pytest.fixture
def make_server() -> Iterator[Callable[..., servers.Server]]:
    """Starts servers of a test's own: ``make_server("--maxmemory", "1mb", tcp=True)``."""
    made: list[servers.Server] = []

    def start(*options: str, tcp: bool = False, binary_path: Path | None = None) -> servers.Server:
        made.append(servers.Server(*options, tcp=tcp, binary_path=binary_path))
        return made[-1]

    yield start
    for server in made:
        server.stop()


@pytest.fixture
def proxy(redis_server: servers.Server) -> Iterator[Proxy]:
    """Between a test and the session's server: it loses, holds up or cuts what it is told to."""
    made = Proxy(redis_server.socket)
    yield made
    made.close()


@pytest.fixture
def settings(redis_server: servers.Server, tmp_path: Path) -> Iterator[Settings]:
    """The settings of one test: the session's server, a namespace and a data folder of its own.

    They are this process's current ones too. ``settings.model_copy(update={...})`` varies them.
    """
    made = settings_module.load(
        redis_url=redis_server.url,
        namespace=servers.fresh_namespace(),
        data=tmp_path / "data",
        delivery="outbox",
        _env_file=None,
    )
    settings_module.use(made)
    yield made
    connection.close_all()
    settings_module.use(None)


@pytest.fixture
def broker(settings: Settings) -> Broker:
    """The shared broker of this process for ``settings``, as ``connect()`` gives it."""
    return connection.connect(settings)


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The environment for a process that shall see the same Redis and folders as the test."""
    return {
        **os.environ,
        "REDIS_URL": settings.redis_url or "",
        "JOBDESK_NAMESPACE": settings.namespace,
        "JOBDESK_DATA": str(settings.data_folder),
        "JOBDESK_DELIVERY": settings.delivery,
    }
