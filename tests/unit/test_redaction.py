"""Hiding secrets by the names of their keys, at every depth."""

import pytest

from jobdesk.redaction import HIDDEN, is_secret, redact


@pytest.mark.parametrize(
    "name",
    ["password", "PASSWORD", "dbPass", "client_secret", "accessToken", "Authorization", "auth",
     "Set-Cookie", "apiKey", "p256dh_key", "cardNumber"],
)  # fmt: skip
def test_names_of_secrets_are_known(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", ["to", "subject", "html", "amount", "user", "path"])
def test_other_names_are_not(name):
    assert not is_secret(name)


def test_secrets_are_hidden_at_every_depth_and_the_rest_stays():
    value = {"to": "a", "list": [{"keys": {"p256dh": "x"}}, 1, None], "deep": {"token": ["x"]}}

    assert redact(value) == {
        "to": "a", "list": [{"keys": HIDDEN}, 1, None], "deep": {"token": HIDDEN},
    }  # fmt: skip
    assert value["deep"] == {"token": ["x"]}, "the original is not touched"


def test_null_and_booleans_tell_nothing():
    assert redact({"token": None, "card": True}) == {"token": None, "card": True}


def test_values_that_are_no_objects_stay():
    assert [redact(v) for v in ("x", 1, None, [1])] == ["x", 1, None, [1]]


def test_data_nested_deeper_than_any_that_can_be_added_is_hidden():
    value = {}
    for _ in range(900):
        value = {"a": [value]}

    assert HIDDEN in str(redact(value))
