"""Notices inside the application: stored once, listed, read, and seen by who watches."""

from __future__ import annotations

import threading

import pytest

from jobdesk.engine.context import JobContext
from jobdesk.errors import InvalidJobData
from jobdesk.tasks import notification
from jobdesk.tasks.notifying.data import InApp
from jobdesk.tasks.notifying.in_app import store_notice
from tests.fake_providers.base import Mute

NOTICE = {
    "userId": "507f1f77bcf86cd799439013",
    "title": "Payment Received",
    "message": "Your payment of SAR 5,000 has been received",
    "type": "success",
    "link": "/invoices/123",
}
USER = NOTICE["userId"]


def test_a_notice_is_stored_listed_and_read(here):
    first = here.attempt(notification.queue, notification.in_app(**NOTICE))
    here.attempt(notification.queue, notification.in_app(**NOTICE | {"title": "Second"}))
    here.attempt(notification.queue, notification.in_app(**NOTICE | {"userId": "other"}))

    listed = notification.notices(USER)
    unread = notification.unread_count(USER)
    marked = notification.mark_read(USER, [listed[1]["id"]])

    assert first.return_value == {"success": True, "notificationId": listed[1]["id"]}
    assert [one["title"] for one in listed] == ["Second", "Payment Received"]
    assert (listed[1]["type"], listed[1]["link"], listed[1]["read"]) == (
        "success", "/invoices/123", False,
    )  # fmt: skip
    assert (unread, marked, notification.unread_count(USER)) == (2, 1, 1)
    assert [one["title"] for one in notification.notices(USER, unread=True)] == ["Second"]
    assert notification.mark_read(USER) == 1
    assert notification.unread_count("other") == 1


def test_pages_follow_each_other(here):
    for n in range(5):
        here.attempt(notification.queue, notification.in_app(**NOTICE | {"title": f"n{n}"}))

    first = notification.notices(USER, limit=2)
    second = notification.notices(USER, limit=2, before=first[-1]["id"])

    assert [one["title"] for one in first + second] == ["n4", "n3", "n2", "n1"]
    assert notification.notices(USER, limit=0) == []


def test_nobody_reads_another_s_notice(here):
    here.attempt(notification.queue, notification.in_app(**NOTICE))
    [one] = notification.notices(USER)

    assert notification.mark_read("other", [one["id"]]) == 0
    assert notification.unread_count(USER) == 1


def test_a_job_that_runs_again_stores_no_second_notice(here, engine):
    """As after kill -9 between the commit and the finish."""
    handle = notification.in_app(**NOTICE)
    first = here.attempt(notification.queue, handle)

    job = JobContext(Mute(), id=handle.id, queue="notification", type="in-app", attempt=2)
    again = store_notice(
        InApp.model_validate(NOTICE), job=job, engine=engine, queue=notification.queue
    )

    assert again == first.return_value
    assert len(notification.notices(USER)) == 1


def test_who_watches_sees_the_old_ones_and_each_new_one_as_it_comes(here):
    here.attempt(notification.queue, notification.in_app(**NOTICE | {"title": "old"}))
    seen: list[str] = []
    two = threading.Event()

    def look() -> None:
        for one in notification.watch(USER, until_s=20):
            seen.append(one["title"])
            if len(seen) == 2:
                two.set()
                return

    watcher = threading.Thread(target=look)
    watcher.start()
    here.attempt(notification.queue, notification.in_app(**NOTICE | {"title": "new"}))

    assert two.wait(4)  # called, not found by looking every 5 seconds
    watcher.join(5)
    assert seen == ["old", "new"]


def test_a_watch_ends_and_goes_on_where_another_ended(here):
    for n in range(3):
        here.attempt(notification.queue, notification.in_app(**NOTICE | {"title": f"n{n}"}))
    ids = [one["id"] for one in notification.notices(USER)][::-1]

    seen = list(notification.watch(USER, after=ids[0], until_s=0.1))

    assert [one["title"] for one in seen] == ["n1", "n2"]


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "https://evil.example/", "//evil.example/", "/\\evil.example", "x", ""],
)
def test_a_link_leads_nowhere_else(link):
    with pytest.raises(InvalidJobData, match="link"):
        notification.in_app(**NOTICE | {"link": link})


@pytest.mark.parametrize("change", [{"title": ""}, {"type": "BIG"}, {"colour": "red"}])
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(InvalidJobData):
        notification.in_app(**NOTICE | change)
