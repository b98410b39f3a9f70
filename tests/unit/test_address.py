import pytest
from pydantic import SecretStr

from jobdesk import settings as settings_module
from jobdesk.broker.server import address
from jobdesk.errors import InsecureRedis, InvalidSetting


def settings(url, **values):
    return settings_module.load(redis_url=url, **values)


@pytest.mark.parametrize(
    ("url", "shown", "hosts"),
    [
        ("redis://127.0.0.1", "redis://127.0.0.1:6379/0", (("127.0.0.1", 6379),)),
        ("redis://u:p@localhost:1/3", "redis://localhost:1/3", (("localhost", 1),)),
        ("redis://[::1]:7/0?db=2", "redis://[::1]:7/2", (("::1", 7),)),
        ("rediss://:p@h:6380", "rediss://h:6380/0", (("h", 6380),)),
        ("unix:///run/r.sock?db=4&password=p", "unix:///run/r.sock", ()),
        (
            "redis+sentinel://a:1,b/main/2",
            "redis+sentinel://a:1,b:26379/main/2",
            (("a", 1), ("b", 26379)),
        ),
        ("rediss+cluster://c:1,d:2", "rediss+cluster://c:1,d:2", (("c", 1), ("d", 2))),
        ("embedded://", "embedded://", ()),
        ("embedded:///srv/jobs", "embedded:///srv/jobs", ()),
    ],
)
def test_a_url_is_understood_and_shown_without_its_secrets(url, shown, hosts):
    found = address.parse(url)

    assert str(found) == shown
    assert found.hosts == hosts


def test_the_database_comes_from_path_or_option():
    assert address.parse("redis://h/5").db == 5
    assert address.parse("unix:///s?db=4").db == 4
    assert address.parse("redis+sentinel://h/main/2").db == 2


def test_user_and_password_are_unquoted_and_do_not_show():
    found = address.parse("redis://an%40a:p%3Aw@h")

    assert (found.username, found.password) == ("an@a", "p:w")
    assert "p:w" not in repr(found)
    assert "p:w" not in str(found)


def test_redis_password_fills_in_where_the_url_has_none():
    here = "redis://localhost"

    filled = address.from_settings(settings(here, redis_password=SecretStr("word")))
    kept = address.from_settings(
        settings("redis://:own@localhost", redis_password=SecretStr("word"))
    )

    assert filled.password == "word"
    assert kept.password == "own"


def test_no_url_means_the_embedded_redis():
    assert address.from_settings(settings(None)).kind == "embedded"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://h", "unknown scheme 'http'"),
        ("h:6379", "unknown scheme"),
        ("redis://h:port", "port must be a number"),
        ("redis://h:99999", "port must be a number"),
        ("redis://h/x", "database must be a number"),
        ("redis://h/1/2", "too many parts"),
        ("redis://h?socket_timeout=9", "unknown option 'socket_timeout'"),
        ("unix://", "needs the path"),
        ("redis+sentinel://h", "name the service"),
        ("redis+cluster://h/1", "only database 0"),
        ("redis://[::1", "not a URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_by_name(url, said):
    with pytest.raises(InvalidSetting, match="REDIS_URL") as refused:
        address.parse(url)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "url", ["redis://:secret@db.example", "redis+cluster://127.0.0.1,10.0.0.1"]
)
def test_plain_redis_over_a_network_is_refused_until_it_is_meant(url):
    with pytest.raises(InsecureRedis, match="JOBDESK_ALLOW_INSECURE_REDIS") as refused:
        address.from_settings(settings(url))

    assert "secret" not in str(refused.value)
    assert address.from_settings(settings(url, allow_insecure_redis=True)).hosts


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_check_hostname=false"])
def test_tls_that_checks_nothing_is_refused_over_a_network(option):
    with pytest.raises(InsecureRedis, match="does not check"):
        address.from_settings(settings(f"rediss://db.example?{option}"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_loopback_needs_no_tls(host):
    assert address.from_settings(settings(f"redis://{host}")).kind == "single"
