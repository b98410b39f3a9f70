"""Settings and the environment."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError

from jobdesk import settings as module
from jobdesk.errors import InvalidSetting
from jobdesk.settings import Settings, load


@pytest.fixture(autouse=True)
def an_empty_folder(tmp_path, monkeypatch):
    """Nobody's ``.env`` file."""
    monkeypatch.chdir(tmp_path)


def test_nothing_has_to_be_set():
    made = load()

    assert made.redis_url is None
    assert made.namespace == "jd"
    assert made.max_data_bytes == made.max_result_bytes == 262_144
    assert made.timezone == "UTC"
    assert made.delivery == "live"
    assert made.email_fallback == "sync"
    assert made.secret is None


def test_the_original_s_names_and_our_own_are_read(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://localhost:1/2")
    monkeypatch.setenv("RESEND_API_KEY", "re_123")
    monkeypatch.setenv("JOBDESK_NAMESPACE", "staging")
    monkeypatch.setenv("JOBDESK_IMPORTS", "thumbs, app.jobs ,")
    monkeypatch.setenv("JOBDESK_TEMP_FOLDERS", "/a, /b")

    made = load()

    assert made.redis_url == "redis://localhost:1/2"
    assert made.resend_api_key == SecretStr("re_123")
    assert made.namespace == "staging"
    assert made.imports == ("thumbs", "app.jobs")
    assert made.temp_folders == (Path("/a"), Path("/b"))


def test_a_dot_env_file_is_read_and_the_environment_goes_before_it(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("JOBDESK_NAMESPACE=file\nJOBDESK_TIMEZONE=Asia/Riyadh\n")
    monkeypatch.setenv("JOBDESK_NAMESPACE", "environment")

    made = load()

    assert made.namespace == "environment"
    assert made.zone == ZoneInfo("Asia/Riyadh")


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("JOBDESK_SECRET", "")

    assert load().redis_url is None
    assert load().secret is None


def test_values_given_go_before_the_environment(monkeypatch):
    monkeypatch.setenv("JOBDESK_NAMESPACE", "environment")

    assert load(namespace="given").namespace == "given"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JOBDESK_NAMESPACE", "a:b"),
        ("JOBDESK_NAMESPACE", "x" * 33),
        ("JOBDESK_MAX_DATA_BYTES", "999"),
        ("JOBDESK_MAX_RESULT_BYTES", "many"),
        ("JOBDESK_TIMEZONE", "Mars/Olympus"),
        ("JOBDESK_TIMEZONE", "/etc/passwd"),
        ("JOBDESK_TIMEZONE", "America"),
        ("JOBDESK_SHUTDOWN_TIMEOUT", "-1"),
        ("JOBDESK_DELIVERY", "pigeon"),
        ("JOBDESK_EMAIL_FALLBACK", "maybe"),
        ("JOBDESK_ALLOW_EVICTION", "perhaps"),
        ("JOBDESK_CHILD_MEMORY_BYTES", "999"),
        ("RESEND_TIMEOUT", "-7"),
    ],
)
def test_a_bad_value_is_told_by_the_variable_s_name_and_never_shown(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSetting) as caught:
        load()

    assert str(caught.value).startswith(f"{name}: ")
    assert value not in str(caught.value)


def test_a_bad_value_given_by_name_is_told_by_the_variable_s_name():
    with pytest.raises(InvalidSetting, match="JOBDESK_DELIVERY: "):
        load(delivery="pigeon")


#: Named as a secret, but not one: it says which application asks, or is public by its nature.
NO_SECRET = {"lean_app_token", "vapid_public_key"}


def test_secrets_do_not_show():
    names = [
        name
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    ]
    made = load(**dict.fromkeys(names, "canary"))

    assert len(names) > 12
    assert "canary" not in repr(made)
    assert "canary" not in str(made)
    assert "canary" not in made.model_dump_json()
    assert all(getattr(made, name).get_secret_value() == "canary" for name in names)


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - NO_SECRET))
def test_what_is_named_as_a_secret_is_one(name):
    secret = "SecretStr" in str(Settings.model_fields[name].annotation)
    words = {"password", "secret", "token", "key", "sid"} & set(name.split("_"))

    assert secret or not words or name == "twilio_account_sid" or name.endswith("_url")


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        load().namespace = "other"  # type: ignore[misc]  # that is the point


def test_the_data_folder_is_absolute_and_not_made(tmp_path):
    made = load(data="data")

    assert made.data_folder == tmp_path / "data"
    assert not made.data_folder.exists()
    assert load(data="~/x").data_folder == Path.home() / "x"


def test_without_a_data_folder_it_is_the_user_s(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert load().data_folder == tmp_path / "jobdesk"


def test_the_environment_is_read_once_until_told_otherwise(monkeypatch):
    module.use(None)
    monkeypatch.setenv("JOBDESK_NAMESPACE", "first")
    try:
        assert module.current().namespace == "first"
        monkeypatch.setenv("JOBDESK_NAMESPACE", "second")
        assert module.current().namespace == "first"
        module.use(None)
        assert module.current().namespace == "second"
        module.use(load(namespace="third"))
        assert module.current().namespace == "third"
    finally:
        module.use(None)


def test_every_setting_can_be_set_from_outside():
    for name, info in Settings.model_fields.items():
        assert info.validation_alias, name


def test_what_is_no_json_is_told_by_the_variable_s_name(monkeypatch):
    monkeypatch.setenv("JOBDESK_CONTEXTS", "{prod")

    with pytest.raises(InvalidSetting, match=r"^JOBDESK_CONTEXTS: must be JSON"):
        load()
