"""docs/providers.md does what it says: its page of code is put where it says, and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from jobdesk import settings as settings_module
from jobdesk.errors import InvalidSetting, NotConfigured
from jobdesk.providers.own import own, payment_names
from jobdesk.providers.payment_services import payment_provider
from jobdesk.providers.rates import rates_source
from jobdesk.providers.sms_senders import sms_sender
from jobdesk.settings import load
from tests.fake_providers.base import FakeService, Request, Scripted, running

PAGE = (Path(__file__).parents[3] / "docs/providers.md").read_text("utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


class FakeAcme(FakeService):
    """What the page says of Acme."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []

    def accept(self, request: Request) -> tuple[int, Any]:
        if request.headers.get("authorization") != "Bearer acme-token-0123456789":
            return 401, {"error": "token"}
        if request.path != "/v1/messages":
            return 404, {"error": request.path}
        if request.method == "GET":
            found = [m for m in self.sent if m["reference"] == request.query["reference"]]
            return 200, {"messages": found}
        self.sent.append({**request.json(), "id": len(self.sent) + 1})
        return 201, {"id": len(self.sent)}


def test_the_page_s_provider_sends_also_when_an_answer_is_lost(environment, tmp_path):
    adapter, use = CODE
    export, start = SHELL[0].strip().splitlines()
    with running(FakeAcme()) as acme:
        acme.script = [Scripted(cut=True)]
        # the one change: where Acme is
        adapter = adapter.replace("https://api.acme.example", acme.url)
        (tmp_path / "acme_sms.py").write_text(adapter)
        name, _, value = export.removeprefix("export ").partition("=")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        told = {
            **environment,
            name: value,
            "JOBDESK_DELIVERY": "live",
            "PYTHONPATH": str(tmp_path),
            "PATH": path,
        }
        with (tmp_path / "worker.log").open("wb") as log:
            worker = subprocess.Popen(start.split(), env=told, cwd=tmp_path, stdout=log, stderr=log)
        try:
            done = subprocess.run(
                [sys.executable, "-c", use],
                env=told,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            worker.terminate()
            worker.wait(40)

    printed = re.search(r"It prints `(.*?)`", PAGE)
    assert printed is not None
    assert (done.stdout.strip(), done.stderr) == (printed[1], "")
    assert len(acme.sent) == 1
    assert acme.sent[0]["to"] == "966501234567"


def test_the_page_names_every_protocol_and_every_need():
    table = re.findall(r"^\| `([a-z.<>]+)` \| `([\w.]+)` \|", PAGE, re.MULTILINE)

    assert {need for need, _ in table} == {
        "mail", "sms", "push", "bank", "payment.<name>", "tax", "registry", "rates",
    }  # fmt: skip
    for _, place in table:
        module, _, name = place.rpartition(".")
        assert getattr(import_module(module), name)._is_protocol


def test_the_page_names_every_type():
    from jobdesk.tasks import notification, sync

    for queue in (notification.queue, sync.queue):
        for kind in queue.types:
            assert re.search(rf"`(?:{queue.name}:)?{kind}`", PAGE), kind


# --- the setting


def test_each_need_asks_its_factory(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("def make(settings):\n    return ('mine', settings)\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = load(
        providers="sms=mine:make, payment.tap=mine:make,rates=mine:make", _env_file=None
    )

    assert sms_sender(settings) == ("mine", settings)  # type: ignore[comparison-overlap]
    assert payment_provider(settings, "tap") == ("mine", settings)  # type: ignore[comparison-overlap]
    assert rates_source(settings) == ("mine", settings)  # type: ignore[comparison-overlap]
    assert own(settings, "bank") is None
    assert payment_names(settings) == ("tap",)


def test_a_payment_provider_of_one_s_own_can_be_named_in_a_job(settings):
    from jobdesk.tasks.syncing.data import PaymentCheck

    settings_module.use(load(providers="payment.tap=mine:make", _env_file=None))

    told = PaymentCheck.model_validate({"paymentId": "p1", "paymentProvider": "tap"})

    assert told.payment_provider == "tap"


@pytest.mark.parametrize("place", ["no_such_module:make", "json:no_such_function"])
def test_a_factory_that_is_not_there_is_named(place):
    with pytest.raises(NotConfigured, match=place):
        own(load(providers=f"sms={place}", _env_file=None), "sms")


@pytest.mark.parametrize("value", ["sms", "sms=mine", "fax=mine:make", "sms=../x:make", "=a:b"])
def test_what_names_no_factory_is_refused(value):
    with pytest.raises(InvalidSetting, match="JOBDESK_PROVIDERS"):
        load(providers=value, _env_file=None)
