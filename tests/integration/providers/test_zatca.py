"""E-invoices: the hash checked, handed in once, the lost answer made good by the same bytes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from jobdesk.db.tables import zatca_submissions
from jobdesk.documents.einvoice import invoice_hash, read
from jobdesk.errors import InvalidJobData, PermanentError
from jobdesk.tasks import sync
from tests.fake_providers.base import Scripted, running
from tests.fake_providers.zatca_service import BINARY_TOKEN, SECRET, FakeZatca, invoice, message

if TYPE_CHECKING:
    from collections.abc import Iterator

UUID = "8d487816-70b8-4ade-a618-9d620b73814a"


@pytest.fixture
def server(live) -> Iterator[FakeZatca]:
    with running(FakeZatca()) as service:
        live(
            zatca_binary_token=BINARY_TOKEN,
            zatca_secret=SECRET,
            zatca_base_url=service.url,
            zatca_timeout=0.5,
        )
        yield service


def job(xml: bytes, **more: Any) -> Any:
    return sync.zatca_invoice(firmId="f1", xml=base64.b64encode(xml).decode(), **more)


def row(engine) -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(connection.execute(select(zatca_submissions)).mappings().one())


# --- done


def test_a_standard_invoice_is_cleared_and_the_stamped_one_kept(server, here, engine, settings):
    xml = invoice(UUID)

    status = here.attempt(sync.queue, job(xml, kind="standard", invoiceId="i1"))

    stored = row(engine)
    result = status.return_value
    assert (result["status"], result["uuid"], result["warnings"]) == ("cleared", UUID, False)
    assert Path(result["clearedPath"]).read_bytes() == xml + b"<!-- stamped -->"
    assert Path(result["clearedPath"]).is_relative_to(settings.data_folder / "zatca")
    assert (stored["status"], stored["http_status"], stored["invoice_id"]) == ("cleared", 200, "i1")
    assert server.requests[0].path == "/invoices/clearance/single"


def test_a_simplified_invoice_is_reported(server, here, engine):
    status = here.attempt(sync.queue, job(invoice(UUID, "simplified")))

    assert (status.return_value["status"], row(engine)["status"]) == ("reported", "reported")
    assert server.requests[0].path == "/invoices/reporting/single"


def test_warnings_are_kept_and_nothing_is_sent_again(server, here, engine):
    server.warnings = [message("BR-KSA-98")]
    handle = job(invoice(UUID))
    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, job(invoice(UUID)))

    assert (first.return_value["warnings"], second.return_value["warnings"]) == (True, True)
    assert (row(engine)["http_status"], len(server.requests)) == (202, 1)
    assert "BR-KSA-98" in here.log(handle)


def test_where_clearance_is_off_it_is_reported(server, here, engine):
    server.clearance_off = True

    status = here.attempt(sync.queue, job(invoice(UUID)))

    assert status.return_value["status"] == "reported"
    assert [request.path for request in server.requests] == [
        "/invoices/clearance/single",
        "/invoices/reporting/single",
    ]


def test_an_invoice_is_read_from_the_data_folder_and_nowhere_else(server, here, settings):
    folder = settings.data_folder / "signed"
    folder.mkdir(parents=True)
    (folder / "a.xml").write_bytes(invoice(UUID))
    (settings.data_folder.parent / "b.xml").write_bytes(invoice(UUID))

    inside = here.attempt(sync.queue, sync.zatca_invoice(firmId="f1", path="signed/a.xml"))
    outside = here.attempt(sync.queue, sync.zatca_invoice(firmId="f1", path="../b.xml"))

    assert (inside.state, outside.state) == ("completed", "failed")


# --- permanent


def test_a_rejected_invoice_stays_rejected(server, here, engine):
    server.errors = [message("BR-KSA-09")]
    handle = job(invoice(UUID))

    first = here.attempt(sync.queue, handle)
    again = here.attempt(sync.queue, job(invoice(UUID)))

    assert (first.state, first.attempts_made, again.state) == ("failed", 1, "failed")
    assert "BR-KSA-09" in first.failed_reason
    assert (row(engine)["status"], len(server.requests)) == ("rejected", 1)
    assert "about BR-KSA-09" in here.log(handle)


@pytest.mark.parametrize(("status", "body"), [(400, {"message": "x"}), (401, {}), (406, {})])
def test_a_request_that_is_refused_is_permanent_and_can_be_made_again(
    server, here, engine, status, body
):
    server.script = [Scripted(status, body)]

    first = here.attempt(sync.queue, job(invoice(UUID)))
    second = here.attempt(sync.queue, job(invoice(UUID)))

    assert (first.state, first.attempts_made, second.state) == ("failed", 1, "completed")


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        (b"no xml", "not XML"),
        (b"<Invoice/>", "no UBL invoice"),
        (invoice(UUID).replace("فاتورة".encode(), b"changed"), "changed after signing"),
        (invoice(UUID).replace(b"invoiceSignedData", b"other"), "not signed"),
        (invoice(UUID).replace(UUID.encode(), b"no-uuid"), "no cbc:UUID"),
        (invoice(UUID).replace(b'name="01', b'name="03'), "InvoiceTypeCode"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + invoice(UUID), "type"),
    ],
)
def test_what_is_no_signed_invoice_is_not_handed_in(server, here, xml, why):
    status = here.attempt(sync.queue, job(xml))

    assert (status.state, status.attempts_made, server.requests) == ("failed", 1, [])
    assert why in status.failed_reason


def test_the_same_uuid_with_other_content_is_not_handed_in(server, here):
    here.attempt(sync.queue, job(invoice(UUID)))

    status = here.attempt(sync.queue, job(invoice(UUID, note="other")))

    assert "another UUID" in status.failed_reason
    assert len(server.requests) == 1


def test_a_kind_that_is_not_the_invoice_s_is_refused(server, here):
    status = here.attempt(sync.queue, job(invoice(UUID), kind="simplified"))

    assert "is standard" in status.failed_reason


# --- transient, and unknown


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_there_is_transient(server, here, status):
    server.script = [Scripted(status, {}, {"Retry-After": "3"})]
    handle = job(invoice(UUID))

    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, handle)

    assert (first.state, second.state, len(server.accepted)) == ("delayed", "completed", 1)


@pytest.mark.parametrize("trouble", [Scripted(cut=True), Scripted(late_s=2)])
def test_after_a_lost_answer_the_same_bytes_are_told_to_be_there(server, here, engine, trouble):
    server.script = [trouble]
    handle = job(invoice(UUID, "simplified"))

    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, handle)

    assert (first.state, second.state, len(server.accepted)) == ("delayed", "completed", 1)
    assert (row(engine)["status"], row(engine)["http_status"]) == ("reported", 409)
    assert len({request.raw for request in server.requests}) == 1
    assert "has it already" in here.log(handle)


# --- not configured, data, the hash


@pytest.mark.parametrize(
    ("values", "variable"),
    [({}, "ZATCA_BINARY_TOKEN"), ({"zatca_binary_token": "x"}, "ZATCA_SECRET")],
)
def test_what_is_not_configured_is_named(live, here, values, variable):
    live(**values)

    status = here.attempt(sync.queue, job(invoice(UUID)))

    assert f"NotConfigured: set {variable}" in status.failed_reason


@pytest.mark.parametrize("data", [{}, {"xml": "!"}, {"xml": "YQ==", "path": "a"}, {"token": "x"}])
def test_what_does_not_fit_is_refused(data):
    with pytest.raises(InvalidJobData):
        sync.zatca_invoice(firmId="f1", **data)


def test_the_hash_is_that_of_zatca_s_own_tool():
    text = (
        '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"'
        ' xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"'
        ' xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"'
        ' xmlns:ext="urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2">'
        "<ext:UBLExtensions><x/></ext:UBLExtensions>\n"
        "  <cbc:ID>INV-1</cbc:ID>\n"
        "  <cac:AdditionalDocumentReference><cbc:ID>QR</cbc:ID>"
        "</cac:AdditionalDocumentReference>\n"
        "  <cac:Signature/>\n"
        "  <cbc:Note>ف</cbc:Note>\n"
        "</Invoice>"
    )

    assert invoice_hash(text.encode()) == "uStcBWa8mc6Yw0xWxP+gK1RiEECaIyDYU5B293wpKbc="


def test_an_invoice_cannot_eat_the_memory():
    bomb = b"<!DOCTYPE a [" + b"".join(
        b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 20 if n else b"x") for n in range(8)
    )

    with pytest.raises(PermanentError):
        read(bomb + b"]><Invoice>&e7;</Invoice>")
