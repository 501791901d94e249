"""Settings are read once, and whatever is wrong is named."""

import re

import pytest

from service.settings import Mode, SettingsWrong, read


def test_every_wrong_variable_is_named_at_once() -> None:
    environ = {"FAIRHOLD_PORT": "many", "FAIRHOLD_MODE": "holiday", "FAIRHOLD_COLOUR": "red", "HOME": "/root"}
    with pytest.raises(SettingsWrong) as raised:
        read(environ)
    lines = str(raised.value).splitlines()
    assert [line.split()[0].rstrip(":") for line in lines] == ["FAIRHOLD_COLOUR", "FAIRHOLD_MODE", "FAIRHOLD_PORT"]


def test_production_names_everything_that_it_misses() -> None:
    with pytest.raises(SettingsWrong) as raised:
        read({"FAIRHOLD_MODE": "production", "FAIRHOLD_SECRET": "short"})
    text = str(raised.value)
    for name in ("DATABASE_URL", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "BASE_URL", "GATEWAY_URL"):
        assert f"FAIRHOLD_{name} is needed in production" in text
    assert "FAIRHOLD_SECRET: at least 32 characters" in text


def test_without_anything_set_the_demonstration_runs_on_port_8000() -> None:
    settings = read({})
    assert (settings.mode, settings.port, settings.public_url) == (Mode.DEMONSTRATION, 8000, "http://127.0.0.1:8000")
    assert settings.is_clock_movable


def test_a_production_clock_cannot_be_moved() -> None:
    names = ("DATABASE_URL", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "BASE_URL", "GATEWAY_URL")
    environ = {f"FAIRHOLD_{name}": "x" for name in names}
    settings = read({**environ, "FAIRHOLD_MODE": "production", "FAIRHOLD_SECRET": "s" * 32})
    assert not settings.is_clock_movable


@pytest.mark.parametrize(("name", "value"), [("PORT", "0"), ("PORT", "70000"), ("EVIDENCE_RETENTION_DAYS", "0")])
def test_values_out_of_range_are_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsWrong, match=f"FAIRHOLD_{name}"):
        read({f"FAIRHOLD_{name}": value})


def test_trusted_proxies_are_addresses_and_networks_with_none_by_default() -> None:
    assert read({}).proxy_networks == []
    settings = read({"FAIRHOLD_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7,fd00::/8"})
    assert settings.proxy_networks == ["10.0.0.0/8", "192.0.2.7", "fd00::/8"]


@pytest.mark.parametrize("value", ["*", "proxy", "10.0.0.1/8", "0.0.0.0/0", "::/0", "10.0.0.0/8,nobody"])
def test_what_is_no_proxys_network_is_refused_and_named(value: str) -> None:
    wrong = value.rpartition(",")[2]
    with pytest.raises(SettingsWrong, match=f"FAIRHOLD_TRUSTED_PROXIES: {re.escape(wrong)} is not"):
        read({"FAIRHOLD_TRUSTED_PROXIES": value})


@pytest.mark.parametrize(
    "address", ["files.example.org", "ftp://files.example.org", "https://", "https://a/?b", "https://a b"]
)
def test_a_public_address_of_the_storage_that_is_none_is_named(address: str) -> None:
    with pytest.raises(SettingsWrong, match="FAIRHOLD_S3_PUBLIC_URL: http:// or https:// with a host"):
        read({"FAIRHOLD_S3_PUBLIC_URL": address})


@pytest.mark.parametrize("address", ["https://files.example.org", "http://127.0.0.1:9000/s3/"])
def test_a_public_address_of_the_storage_is_taken_as_it_is(address: str) -> None:
    assert read({"FAIRHOLD_S3_PUBLIC_URL": address}).s3_public_url == address
