from __future__ import annotations

import json

from jobdesk import settings as settings_module
from jobdesk.engine.children import plain


def test_settings_reach_another_process_as_they_are(tmp_path):
    given = settings_module.load(
        redis_url="redis://127.0.0.1/0", redis_password="pass", secret="s" * 32, imports="a,b.c",
        data=tmp_path, temp_folders=(tmp_path / "x", tmp_path / "y"), shutdown_timeout=3,
        _env_file=None,
    )  # fmt: skip

    arrived = settings_module.load(**json.loads(json.dumps(plain(given))), _env_file=None)

    assert arrived == given
