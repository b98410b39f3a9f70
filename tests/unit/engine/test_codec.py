"""The JSON codec: data, values and payloads."""

from __future__ import annotations

import contextlib
import json
import pickle
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

import pytest
from huey.exceptions import TaskException
from huey.utils import SKIPPED, Error
from hypothesis import given
from hypothesis import strategies as st

from jobdesk.engine.codec import (
    Codec,
    JsonSerializer,
    Payload,
    decode_value,
    encode_data,
    encode_value,
    task_exception,
)
from jobdesk.errors import BadPayload, DataTooLarge, InvalidJobData

LIMIT = 262_144
NAIVE = datetime.fromisoformat("2026-01-01T02:30")
ME = ("email", "job-1", "transactional")
SECRET, OLD, OTHER = b"secret" * 6, b"old" * 12, b"other" * 8

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = text.filter(lambda key: not key.startswith("$"))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)
data_objects = st.dictionaries(keys, plain, max_size=5)
instants = st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=3))))
values = st.recursive(
    scalars | st.integers() | instants | st.just(SKIPPED),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(text | text.map("${}".format), inner, max_size=4)
        | st.dictionaries(text, inner, max_size=3).map(Error)
    ),
    max_leaves=15,
)


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def circular():
    value = {}
    value["again"] = [value]
    return value


# --- data


@given(data_objects)
def test_data_comes_back_as_it_was(data):
    assert json.loads(encode_data(data, 10**6)) == data


def test_data_is_compact_text():
    assert (
        encode_data({"to": "ä", "n": [1, 2.5, None]}, LIMIT)
        == '{"to":"ä","n":[1,2.5,null]}'.encode()
    )


class Point(NamedTuple):
    x: int
    y: int


class Size(IntEnum):
    BIG = 2


class Colour(StrEnum):
    RED = "red"


def test_json_s_own_types_may_be_subclassed():
    data = {"a": (1, 2), "b": Point(1, 2), "c": Size.BIG, "d": Colour.RED, "e": OrderedDict(x=1)}

    assert json.loads(encode_data(data, LIMIT)) == {
        "a": [1, 2],
        "b": [1, 2],
        "c": 2,
        "d": "red",
        "e": {"x": 1},
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"to": [NAIVE]}, r"^data\.to\[0\] is a datetime; pass an ISO string$"),
        ({"day": date(2026, 1, 1)}, r"^data\.day is a date; pass an ISO string"),
        ({"a": {"b": {1, 2}}}, r"^data\.a\.b is a set; pass a list"),
        ({"a": b"x"}, r"^data\.a is a bytes; pass text"),
        ({"a": Decimal(1)}, r"^data\.a is a Decimal; pass a string"),
        ({"a": timedelta(1)}, r"^data\.a is a timedelta; pass seconds"),
        ({"a": object()}, r"^data\.a is an object; pass what JSON has"),
        ({"a": ValueError("x")}, r"^data\.a is a ValueError"),
        ({"a": float("nan")}, r"^data\.a is nan; JSON has no NaN"),
        ({"a": [1, float("-inf")]}, r"^data\.a\[1\] is -inf"),
        ({"a": 2**53 + 1}, r"^data\.a is 9007199254740993, beyond 2\^53"),
        ({"a": -(2**53) - 1}, r"beyond 2\^53"),
        ({"a": 10**5000}, r"^data\.a is an integer, beyond 2\^53"),
        ({1: "a"}, r"^data has the key 1; keys are text"),
        ({"a": {None: 1}}, r"^data\.a has the key None; keys are text"),
        ({"$dt": 1}, r"^data has the key '\$dt'; keys starting with '\$' are reserved"),
        ({"a": [{"$x": 1}]}, r"^data\.a\[0\] has the key '\$x'"),
        ({"a": "\ud800"}, r"^data\.a has half a surrogate pair"),
        ({"\ud800": 1}, r"^data has the key"),
        ({"a": nested(100)}, r"nested more than 100 deep"),
        ({"a": nested(5000)}, r"nested more than 100 deep"),
        (circular(), r"^data\.again\[0\] contains itself"),
        ([1], r"^data is a list; pass an object"),
        (None, r"^data is a NoneType"),
    ],
)
def test_data_that_is_not_json_is_refused_with_its_path(data, message):
    with pytest.raises(InvalidJobData, match=message) as caught:
        encode_data(data, LIMIT)

    str(caught.value).encode()


def test_a_hundred_levels_and_2_to_the_53_are_still_data():
    encode_data({"a": nested(99), "b": [2**53, -(2**53)]}, LIMIT)


def test_the_same_list_twice_is_no_circle():
    shared = [1]

    assert encode_data({"a": [shared, shared]}, LIMIT) == b'{"a":[[1],[1]]}'


def test_too_much_data_says_how_much_and_what_to_do():
    with pytest.raises(DataTooLarge) as caught:
        encode_data({"html": "x" * 311_993}, LIMIT)

    assert str(caught.value) == (
        "data is 312,004 bytes, limit 262,144; store it and pass a reference"
    )


# --- values


@given(values)
def test_values_come_back_as_they_were(value):
    assert decode_value(encode_value(value)) == value


@given(values)
def test_values_are_json_for_everybody_else(value):
    json.loads(encode_value(value))


def test_tags_are_what_the_design_says():
    assert encode_value(datetime(2026, 3, 8, 2, 30, tzinfo=UTC)) == (
        b'{"$dt":"2026-03-08T02:30:00+00:00"}'
    )
    assert encode_value(SKIPPED) == b'{"$skipped":true}'
    assert encode_value(Error({"error": "x"})) == b'{"$error":{"error":"x"}}'


def test_skipped_is_the_one_that_huey_compares_with():
    assert decode_value(b'{"$skipped":true}') is SKIPPED


def test_a_user_s_dollar_keys_are_no_tags():
    for value in ({"$dt": "x"}, {"$skipped": True}, {"$$dt": 1}, {"$error": {}, "$raised": True}):
        assert decode_value(encode_value(value)) == value


def test_a_tuple_comes_back_as_a_list_that_unpacks():
    until, once = decode_value(encode_value((None, True)))

    assert (until, once) == (None, True)


def test_an_exception_comes_back_as_huey_s_task_exception():
    try:
        raise KeyError("recipient")
    except KeyError as exc:
        raised = exc

    back = decode_value(encode_value([raised]))[0]

    assert isinstance(back, TaskException)
    assert str(back) == "KeyError('recipient')"
    assert back.metadata["class"] == "KeyError"
    assert back.metadata["message"] == "'recipient'"
    assert "test_an_exception_comes_back" in back.metadata["traceback"]


def test_a_task_exception_carries_the_job_s_id():
    back = decode_value(encode_value(task_exception(ValueError("x"), "job-1")))

    assert back.metadata["task_id"] == "job-1"


def test_a_task_exception_keeps_what_it_had():
    first = TaskException({"error": "boom", "task_id": "a", "name": "send"})

    assert task_exception(first).metadata == first.metadata


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [{1}]}, r"^result\.a\[0\] is a set"),
        ([NAIVE, b"x"], r"^result\[1\] is a bytes"),
        ({1: 2}, r"^result has the key 1"),
        (float("inf"), r"^result is inf"),
        (nested(101), r"nested more than 100"),
        (circular(), r"contains itself|nested more than 100"),
        ("\ud800", r"^result has half a surrogate"),
        (Error({"error": object()}), r"^result\.error is an object"),
        (object, r"^result is a type"),
    ],
)
def test_a_result_that_is_not_json_is_refused_with_its_path(value, message):
    with pytest.raises(InvalidJobData, match=message):
        encode_value(value)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b'{"$dt":"x"}', b'{"$dt":1}', b"[" * 10**5,
     pickle.dumps({"a": 1})],
)  # fmt: skip
def test_bytes_that_are_no_value_are_a_bad_payload(raw):
    with pytest.raises(BadPayload):
        decode_value(raw)


def test_a_tag_may_be_written_with_an_escape():
    assert decode_value(rb'{"\u0024skipped":true}') is SKIPPED


def test_the_serializer_is_what_huey_asks_for():
    serializer = JsonSerializer()

    assert serializer.deserialize(serializer.serialize({"a": [1, None]})) == {"a": [1, None]}


# --- payloads


@given(
    data_objects,
    st.none() | st.lists(values, max_size=3),
    st.none() | st.dictionaries(text, values, max_size=3),
    st.sampled_from([None, SECRET]),
)
def test_payloads_come_back_as_they_were(data, args, spec, secret):
    codec = Codec(secret)
    payload = Payload(data, args=args, then=spec, chord=spec)

    assert codec.unpack(codec.pack(payload, *ME), *ME) == payload


def test_data_alone_is_stored_as_it_is():
    assert Codec().pack(Payload({"a": 1}), *ME) == b'{"a":1}'


def test_what_hangs_on_a_job_goes_beside_its_data():
    raw = Codec().pack(Payload({"a": 1}, args=[2], then={"t": "x"}), *ME)

    assert raw == b'[{"a":1},{"args":[2],"then":{"t":"x"}}]'


def test_an_error_handler_s_argument_comes_back_as_an_exception():
    codec = Codec()
    payload = Payload({}, args=[task_exception(ValueError("no"), "job-0")])

    (back,) = codec.unpack(codec.pack(payload, *ME), *ME).args

    assert isinstance(back, TaskException)
    assert back.metadata["message"] == "no"


def test_a_continuation_s_data_may_hold_results_of_other_jobs():
    codec = Codec()
    data = {"when": datetime(2026, 1, 1, tzinfo=UTC), "before": SKIPPED}

    with pytest.raises(InvalidJobData):
        codec.pack(Payload(data), *ME)
    assert codec.unpack(codec.pack(Payload(data), *ME, strict=False), *ME).data == data


def test_continuations_count_towards_the_limit():
    codec = Codec(max_data=1000)

    with pytest.raises(DataTooLarge, match="continuations"):
        codec.pack(Payload({}, then={"d": {"x": "y" * 1000}}), *ME)


def test_a_payload_of_the_largest_size_fits_with_its_signature():
    codec = Codec(SECRET, max_data=1000)
    data = {"x": "y" * (1000 - len('{"x":""}'))}

    assert codec.unpack(codec.pack(Payload(data), *ME), *ME).data == data


def test_a_payload_over_the_limit_is_not_even_parsed():
    with pytest.raises(BadPayload, match="JOBDESK_MAX_DATA_BYTES"):
        Codec(max_data=1000).unpack(b"[" * 2000, *ME)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"[1,2]",
        b'[{"a":1}]',
        b'[{"a":1},{"other":1}]',
        b'[{"a":1},{"args":{}}]',
        b'[{"a":1},{"then":[]}]',
        b'{"$dt":"2026-01-01"}',
        b"{'a': 1}",
        b'{"a":NaN}',
        pickle.dumps(("task", "id")),
        pickle.dumps({"a": 1}, 0),
    ],
)
def test_other_bytes_are_a_bad_payload(raw):
    with pytest.raises(BadPayload):
        Codec().unpack(raw, *ME)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(raw):
    for codec in (Codec(), Codec(SECRET)):
        with contextlib.suppress(BadPayload):
            codec.unpack(raw, *ME)


# --- signatures


def test_a_signed_payload_names_its_key():
    raw = Codec(SECRET).pack(Payload({"a": 1}), *ME)

    version, kid, signature, body = raw.split(b".", 3)
    assert version == b"s1"
    assert len(kid) == 8
    assert len(signature) == 22
    assert body == b'{"a":1}'


def test_what_was_signed_with_the_previous_secret_is_accepted():
    raw = Codec(OLD).pack(Payload({"a": 1}), *ME)

    assert Codec(SECRET, OLD).unpack(raw, *ME).data == {"a": 1}


def test_new_payloads_are_signed_with_the_current_secret():
    raw = Codec(SECRET, OLD).pack(Payload({"a": 1}), *ME)

    assert Codec(SECRET).unpack(raw, *ME).data == {"a": 1}
    assert Codec(SECRET).signs
    assert not Codec().signs


def test_another_secret_is_told_by_the_names_of_the_settings():
    raw = Codec(OTHER).pack(Payload({}), *ME)

    with pytest.raises(BadPayload, match="JOBDESK_SECRET nor JOBDESK_PREVIOUS_SECRET"):
        Codec(SECRET, OLD).unpack(raw, *ME)


def test_an_unsigned_payload_is_refused_where_a_secret_is_set():
    with pytest.raises(BadPayload, match="not signed, and JOBDESK_SECRET is set"):
        Codec(SECRET).unpack(b'{"a":1}', *ME)


def test_a_signed_payload_is_refused_where_none_is_set():
    raw = Codec(SECRET).pack(Payload({}), *ME)

    with pytest.raises(BadPayload, match="set JOBDESK_SECRET"):
        Codec().unpack(raw, *ME)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_payload_moved_to_another_queue_id_or_type_is_refused(place):
    codec = Codec(SECRET)
    raw = codec.pack(Payload({"a": 1}), *ME)
    other = [part + "x" if n == place else part for n, part in enumerate(ME)]

    with pytest.raises(BadPayload, match="changed or moved"):
        codec.unpack(raw, *other)


def test_no_flipped_bit_goes_unseen():
    codec = Codec(SECRET)
    raw = codec.pack(Payload({"amount": 10}), *ME)

    for place in range(len(raw)):
        for bit in range(8):
            flipped = bytearray(raw)
            flipped[place] ^= 1 << bit
            with pytest.raises(BadPayload):
                codec.unpack(bytes(flipped), *ME)


# --- results


def test_a_result_within_the_limit_is_kept_whole():
    assert Codec().encode_result({"a": 1}) == (b'{"a":1}', False)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=400, max_size=3000))
def test_a_result_over_the_limit_is_cut_to_it_and_says_so(result):
    raw, cut = Codec(max_result=1024).encode_result([result])

    assert len(raw) <= 1024
    if cut:
        assert decode_value(raw).endswith(" bytes)")
    else:
        assert decode_value(raw) == [result]
