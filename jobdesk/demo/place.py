"""Where a run of the demo lives: a folder, a Redis and a secret of its own, and no account.

The settings are given to every process of the run. The accounts of the environment are left out: a
demo speaks to nobody outside but the source of currency rates, which needs none.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import sys
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jobdesk import settings as settings_module

if TYPE_CHECKING:
    from jobdesk.settings import Settings

#: Where runs are kept, below the current folder.
FOLDER = Path(".demo")
#: Read by a shell (``. .demo/shell``), it leads the commands there to the newest run.
SHELL = "shell"
#: Only folders with this file in them are ever deleted.
MARK = "made-by-jobdesk-demo"
RUNS_KEPT = 3
#: Settings that name an account, and what a demo does without.
ACCOUNTS = (
    "redis_password", "database_url", "previous_secret", "templates", "log_folder",
    "resend_api_key", "vapid_public_key", "vapid_private_key", "sms_provider", "unifonic_app_sid",
    "unifonic_sender_id", "twilio_account_sid", "twilio_auth_token", "twilio_from", "unsubscribe",
    "lean_app_token", "lean_client_secret", "stripe_secret_key", "moyasar_secret_key",
    "zatca_binary_token", "zatca_secret", "wathq_api_key",
)  # fmt: skip


def own_settings(redis_url: str | None, webhook_host: str) -> Settings:
    """The settings of a new run, which are from now on this process's.

    ``webhook_host``: ``host:port`` of the one receiver that webhooks may reach.
    """
    folder = _new_folder()
    values: dict[str, object] = {
        "redis_url": redis_url or "embedded://",
        "namespace": "demo",
        "data": str(folder),
        "secret": secrets.token_hex(16),
        "imports": "jobdesk.demo.tasks",
        "delivery": "outbox",
        "from_email": "billing@example.com",
        "from_name": "Najd Legal Consultants",
        "webhook_hosts": webhook_host,
        "webhook_secret": "whsec_" + b64encode(secrets.token_bytes(24)).decode(),
        "whatsapp_app_secret": secrets.token_hex(16),
        # leaving takes seconds
        "shutdown_timeout": 4.0,
    }
    settings = settings_module.load(
        **values, **dict.fromkeys(ACCOUNTS), providers=(), temp_folders=(), contexts={}
    )
    settings_module.use(settings)
    _write_shell(folder, values)
    return settings


def _new_folder() -> Path:
    base = FOLDER.absolute()
    base.mkdir(exist_ok=True)
    made = sorted(path for path in base.iterdir() if (path / MARK).is_file())
    for old in made[: max(0, len(made) - RUNS_KEPT + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = base / name
    while folder.exists():
        time.sleep(0.2)
        folder = base / datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    folder.mkdir()
    (folder / MARK).touch()
    return folder


def _write_shell(folder: Path, values: Mapping[str, object]) -> None:
    """What a shell must know so that ``jobdesk …`` there speaks to this run."""
    names = settings_module.Settings.model_fields
    lines = ["# made by jobdesk demo: leads the commands of this shell to its newest run"]
    lines += [f"export {_variable(name)}={shlex.quote(str(value))}"
              for name, value in values.items() if name in names]  # fmt: skip
    lines.append("unset REDIS_PASSWORD DATABASE_URL")
    lines.append(f'PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    file = folder.parent / SHELL
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write("\n".join(lines) + "\n")


def _variable(name: str) -> str:
    alias = settings_module.Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else str(getattr(alias, "choices", [name])[0])
