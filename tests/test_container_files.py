"""The container files name settings that exist, keep secrets out, and leave database and storage unreachable."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from litestar import Litestar
from litestar.routes import HTTPRoute

from service.settings import PREFIX, Settings

DOCKER = Path(__file__).parent.parent / "docker"
KNOWN = {PREFIX + name.upper() for name in Settings.__struct_fields__}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of the compose file, merges resolved."""
    found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    return found


def test_every_variable_that_our_processes_get_is_a_setting(services: dict[str, Any]) -> None:
    for name in ("migrate", "service", "worker"):
        given = set(services[name]["environment"])
        assert given <= KNOWN, name
    image = {word.split("=")[0] for word in (DOCKER / "Dockerfile").read_text().split() if word.startswith(PREFIX)}
    assert image == {"FAIRHOLD_MODE", "FAIRHOLD_HOME", "FAIRHOLD_HOST", "FAIRHOLD_PORT"}
    assert image <= KNOWN


def test_only_the_migration_knows_the_owner_of_the_database(services: dict[str, Any]) -> None:
    knowing = {name for name, service in services.items() if "fairhold_owner" in str(service.get("environment"))}
    assert knowing == {"migrate"}


def test_only_the_proxy_has_ports_and_only_inside_reaches_database_and_storage(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    assert services["postgres"]["networks"] == services["s3"]["networks"] == ["inside"]


def test_no_secret_is_written_into_the_files(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in ("PASSWORD", "SECRET", "KEY", "DATABASE_URL")):
                assert "${" in value, name
    for line in (DOCKER / "env.example").read_text().splitlines():
        if any(word in line for word in ("PASSWORD", "SECRET", "KEY")) and not line.startswith("#"):
            assert line.endswith("="), line


def test_our_containers_run_without_rights_they_do_not_need(services: dict[str, Any]) -> None:
    for name in ("migrate", "service", "worker", "sandbox"):
        assert services[name]["cap_drop"] == ["ALL"], name
        assert services[name]["read_only"] is True, name
    assert "\nUSER 10001:10001\n" in (DOCKER / "Dockerfile").read_text()


def test_the_service_believes_only_the_networks_that_the_proxy_is_in(services: dict[str, Any]) -> None:
    networks = yaml.safe_load((DOCKER / "compose.yaml").read_text())["networks"]
    subnets = [networks[name]["ipam"]["config"][0]["subnet"] for name in services["proxy"]["networks"]]
    assert services["service"]["environment"]["FAIRHOLD_TRUSTED_PROXIES"] == ",".join(subnets)


def test_large_uploads_are_put_down_on_a_disk(services: dict[str, Any]) -> None:
    for name in ("service", "worker"):
        assert services[name]["volumes"] == ["/tmp"], name  # noqa: S108 - the path in the container
        assert "tmpfs" not in services[name], name


def test_the_proxy_lets_through_what_the_service_takes_and_nothing_larger(app: Litestar) -> None:
    caddyfile = (DOCKER / "Caddyfile").read_text()
    large, others = (int(each) * 10**6 for each in re.findall(r"max_size (\d+)MB", caddyfile))
    (pattern,) = set(re.findall(r"path_regexp (\S+)", caddyfile))
    limits: dict[str, int] = {}
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if "POST" in handler.http_methods:
                limits[route.path_format] = handler.resolve_request_max_body_size() or 0
    named = {path for path, limit in limits.items() if limit > 10_485_760 or "import" in path}
    assert len(named) > 10
    assert {path for path in named if not re.search(pattern, re.sub(r"\{[^}]+\}", "x", path))} == set()
    assert max(limits.values()) == large
    assert others == 10**6
