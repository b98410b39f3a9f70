"""Which failures count as the same."""

import pytest

from jobdesk.engine.fingerprint import LOOKED_AT, fingerprint, normalised


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("no row 4711", "no row #"),
        ("took 3.25 s of 2", "took # s of #"),
        ("at 2026-11-24 03:52:01", "at ### #"),
        ("<Lock at 0x7f3a9c0d>", "<Lock at #>"),
        ("job 6f1e2d3c-aaaa-4bbb-8ccc-1234567890ab is gone", "job # is gone"),
        ("commit deadbe3f is unknown", "commit # is unknown"),
        ("no column 'name' in \"users\"", "no column '?' in '?'"),
        ("can't read Bob's file", "can't read Bob's file"),
        ("cannot open /var/lib/app/x.pdf: denied", "cannot open /? denied"),
        ("GET https://api.example.com/v1/x?y=1 said 502", "GET /? said #"),
        ("in C:\\Users\\ada\\x.txt", "in /?"),
        ("either/or", "either/or"),
        ("two\n  lines", "two lines"),
        ("", ""),
    ],
)
def test_particulars_are_taken_out_of_a_message(message, told):
    assert normalised(message) == told


def test_equal_causes_have_one_fingerprint():
    one = fingerprint("resize", "ValueError: no row 17 in 'a'")
    other = fingerprint("resize", "ValueError: no row 23 in 'b'")

    assert one == other
    assert len(one) == 16
    assert int(one, 16) >= 0


@pytest.mark.parametrize(
    ("kind", "described"),
    [
        ("crop", "ValueError: no row 17"),
        ("resize", "KeyError: no row 17"),
        ("resize", "ValueError: no column 17"),
        ("resize", "ValueError"),
    ],
)
def test_type_class_and_message_tell_failures_apart(kind, described):
    assert fingerprint(kind, described) != fingerprint("resize", "ValueError: no row 17")


def test_a_message_is_judged_by_its_beginning():
    long = "x " * LOOKED_AT

    assert fingerprint("resize", f"E: {long}one") == fingerprint("resize", f"E: {long}two")


def test_text_that_is_no_utf_8_has_a_fingerprint_too():
    assert len(fingerprint("resize", "E: \ud800")) == 16
