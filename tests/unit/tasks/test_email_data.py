"""What a mail's data may be, as the queue checks it when a job is added."""

from __future__ import annotations

from typing import Any

import pytest

from jobdesk.errors import InvalidJobData
from jobdesk.tasks.email import bulk, transactional

MAIL = {"to": "client@example.com", "subject": "Invoice", "html": "<p>x</p>"}
BULK = {
    "recipients": [{"email": "u1@example.com", "name": "User 1"}, {"email": "u2@example.com"}],
    "subject": "News for {{name}}",
    "html": "<p>Hello {{name}}</p>",
}


def stored(task: Any, data: dict[str, Any]) -> dict[str, Any]:
    bound: dict[str, Any] = task.task_class.signature.bind((), data)
    return bound


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"to": ["a@example.com", "B <b@example.com>"]},
        {"replyTo": "support@traf3li.com"},
        {"reply_to": ["support@traf3li.com"]},
        {"html": None, "text": "x"},
        {"cc": "c@x.co", "bcc": ["d@x.co"], "tags": [{"name": "kind", "value": "invoice"}]},
        {"attachments": [{"filename": "a.txt", "content": "YQ=="}, {"path": "pdf/x.pdf"}]},
        {"document": {"path": "/data/pdf/x.pdf", "filename": "x.pdf", "bytes": 5, "pages": 1}},
        {"subject": "فاتورة", "to": "محمد <m@example.com>"},
    ],
)
def test_a_mail_as_the_original_sends_it_is_taken(changes: dict[str, Any]) -> None:
    data = {**MAIL, **changes}

    assert stored(transactional, data) == data


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": []}, "data.to"),
        ({"to": [f"u{i}@example.com" for i in range(51)]}, "data.to"),
        ({"to": "nobody"}, "must be an e-mail address"),
        ({"to": "a@example.com, b@example.com"}, "must be an e-mail address"),
        ({"to": "a@example.com\r\nBcc: x@example.com"}, "one line"),
        ({"to": "A\nB <a@example.com>"}, "one line"),
        ({"to": "a@-"}, "must be an e-mail address"),
        ({"to": "a@example..com"}, "must be an e-mail address"),
        ({"to": "<a@example.com>>"}, "must be an e-mail address"),
        ({"subject": "a\r\nBcc: x@example.com"}, "data.subject"),
        ({"subject": "a\u2028b"}, "data.subject"),
        ({"subject": ""}, "data.subject"),
        ({"html": None}, "html or text is needed"),
        ({"html": 5}, "data.html"),
        ({"replyto": "a@example.com"}, "replyto"),
        ({"attachments": [{"filename": "a"}]}, "content or path"),
        ({"attachments": [{"filename": "a", "content": "YQ==", "path": "x"}]}, "content or path"),
        ({"attachments": [{"filename": "a", "content": "not base64!"}]}, "must be base64"),
        ({"attachments": [{"filename": "../a", "content": "YQ=="}]}, "a name, not a path"),
        ({"attachments": [{"content": "YQ=="}]}, "content needs a filename"),
        ({"tags": [{"name": "a b", "value": "c"}]}, "data.tags[0].name"),
    ],
)
def test_what_no_mail_can_have_is_refused_by_its_path(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidJobData) as caught:
        stored(transactional, {**MAIL, **changes})

    assert said in str(caught.value)


def test_a_bulk_mail_as_the_original_sends_it_is_taken() -> None:
    assert stored(bulk, BULK) == BULK


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipients": []}, "data.recipients"),
        ({"recipients": [{"email": "A <a@example.com>"}]}, "the name has a field of its own"),
        ({"recipients": [{"email": "a@example.com", "name": "a\nb"}]}, "one line"),
        ({"recipients": [{"mail": "a@example.com"}]}, "data.recipients[0]"),
        ({"html": "<p>{{firstName}}</p>"}, "html has the placeholder {{firstName}}"),
        ({"subject": "{{ date }}"}, "subject has the placeholder {{date}}"),
        ({"html": None}, "html or text is needed"),
    ],
)
def test_a_bulk_mail_that_would_go_wrong_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidJobData) as caught:
        stored(bulk, {**BULK, **changes})

    assert said in str(caught.value)


def test_priorities_and_timeouts_are_the_designs() -> None:
    assert transactional.task_class.job_defaults.priority == 2
    assert bulk.task_class.job_defaults.priority == 7
