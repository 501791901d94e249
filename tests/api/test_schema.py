"""What `/api/schema` promises to those who build on it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

Document = dict[str, Any]
UNSAFE = {"post", "put", "patch", "delete"}
# DESIGN section 10, as far as the main job goes.
PROMISED = """
GET /sellers  POST /sellers  GET /sellers/{}  GET /sellers/{}/agents  POST /sellers/{}/agents
GET /products  POST /products  GET /products/{}
GET /batches  POST /batches  POST /batches/imports  GET /batches/{}  GET /batches/{}/custody  POST /batches/{}/custody
GET /batches/{}/status
GET /orders  POST /orders  GET /orders/{}  POST /orders/{}/payment  POST /orders/{}/shipment  POST /orders/{}/delivery
POST /orders/{}/receipt  POST /orders/{}/claim-code
GET /holds  GET /holds/{}
GET /complaints  POST /complaints  GET /complaints/{}  POST /complaints/{}/submission  POST /complaints/{}/entries
GET /complaints/{}/evidence  POST /complaints/{}/evidence  GET /complaints/{}/matches  POST /complaints/{}/link
POST /complaints/{}/answer  POST /complaints/{}/offers  POST /complaints/{}/offers/{}/acceptance
POST /complaints/{}/offers/{}/refusal  POST /complaints/{}/withdrawal  POST /complaints/{}/escalation
GET /complaints/{}/timeline
GET /disputes  GET /disputes/{}  POST /disputes/{}/assignment  POST /disputes/{}/ruling  POST /disputes/{}/acceptance
GET /signals  GET /signals/{}  POST /signals/{}/confirmation  POST /signals/{}/lift
GET /reports  POST /reports  GET /reports/{}  GET /reports/{}/pdf
POST /inbound/gateway  POST /inbound/carriers/{}
"""


@pytest.fixture
async def document(client: httpx.AsyncClient) -> Document:
    answer = await client.get("/api/schema")
    assert answer.status_code == 200
    return dict(answer.json())


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, found in document["paths"].items():
        for method, operation in found.items():
            yield f"{method.upper()} {path}", operation


def resolved(document: Document, part: Document) -> Document:
    while "$ref" in part:
        found = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


async def test_it_is_valid_openapi_3_1_and_the_same_under_both_names(
    document: Document, client: httpx.AsyncClient
) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [str(each) for each in OPENAPI_31_VALIDATOR.iter_errors(document)] == []
    assert (await client.get("/api/schema/openapi.json")).json() == document


def test_every_reference_leads_somewhere(document: Document) -> None:
    waiting: list[Any] = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "$ref" in part:
                assert resolved(document, part)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def test_every_operation_says_what_it_does_and_under_which_tag(document: Document) -> None:
    explained = {tag["name"]: tag["description"] for tag in document["tags"]}
    names = []
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        assert len(operation["tags"]) == 1, name
        assert explained[operation["tags"][0]], name
        names.append(operation["operationId"])
    assert len(set(names)) == len(names)


def test_every_operation_says_who_may_ask(document: Document) -> None:
    schemes = document["components"]["securitySchemes"]
    assert (schemes["key"]["type"], schemes["key"]["scheme"]) == ("http", "bearer")
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "fairhold_session")
    assert document["security"] == [{"key": []}, {"session": []}]
    for name, operation in operations(document):
        is_open = operation["x-allowed-to"] == ["anyone"]
        assert (operation.get("security") == []) == is_open, name


def test_every_operation_names_its_refusals_as_problems(document: Document) -> None:
    for name, operation in operations(document):
        method, path = name.split(" ")
        refusals = {status: each for status, each in operation["responses"].items() if int(status) >= 400}
        for status, refusal in refusals.items():
            content = resolved(document, refusal)["content"]
            assert set(content) == {"application/problem+json"}, name
            example = content["application/problem+json"]["example"]
            assert example["status"] == int(status), name
            jsonschema.validate(example, document["components"]["schemas"]["Problem"])
        expected = {"503"}
        if path.startswith("/api/"):
            expected |= {"401"}
            expected |= {"403"} if operation["x-allowed-to"] != ["anyone"] else set()
            expected |= {"404"} if "{" in path else set()
            expected |= {"409", "422"} if method.lower() in UNSAFE else set()
            expected |= {"400", "413"} if "requestBody" in operation else set()
            expected |= {"422"} if operation.get("parameters") else set()
        assert expected <= set(refusals), name
        assert any(status.startswith("2") for status in operation["responses"]), name


def test_what_is_counted_says_so_with_the_time_to_wait(document: Document) -> None:
    counted = {name for name, operation in operations(document) if "429" in operation["responses"]}
    assert {"POST /api/v1/sessions", "POST /api/v1/people", "POST /api/v1/orders/{order_id}/delivery"} <= counted
    for status in ("429", "503"):
        assert "Retry-After" in document["components"]["responses"][f"Problem{status}"]["headers"]


def test_every_body_has_an_example_that_fits(document: Document) -> None:
    for name, operation in operations(document):
        if "requestBody" not in operation:
            continue
        assert operation["requestBody"]["required"] is True, name
        for content in operation["requestBody"]["content"].values():
            assert content["example"], name
            schema = {**content["schema"], "components": document["components"]}
            jsonschema.validate(content["example"], schema)


def test_every_body_refuses_fields_that_it_does_not_know(document: Document) -> None:
    for name, operation in operations(document):
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            if media_type == "application/json" and "$ref" in content["schema"]:
                assert resolved(document, content["schema"])["additionalProperties"] is False, name


def test_every_query_parameter_has_limits(document: Document) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            told = resolved(document, parameter)
            assert is_limited(resolved(document, told["schema"]), document), f"{name}: {told['name']}"


def is_limited(schema: Document, document: Document) -> bool:
    if "maxLength" in schema or "enum" in schema or schema.get("type") in {"boolean", "null"}:
        return True
    if schema.get("type") == "integer":
        return {"minimum", "maximum"} <= schema.keys()
    if schema.get("type") == "string":
        return schema.get("format") in {"uuid", "date", "date-time"}
    return all(is_limited(resolved(document, each), document) for each in schema["oneOf"])


def test_a_page_has_from_1_to_200_rows(document: Document) -> None:
    for name, operation in operations(document):
        limits = [each for each in operation.get("parameters", []) if each.get("name") == "limit"]
        for limit in limits:
            told = limit["schema"]
            assert (told["minimum"], told["maximum"], told["default"]) == (1, 200, 50), name


def test_every_change_but_those_that_give_secrets_takes_an_idempotency_key(document: Document) -> None:
    without = {
        name
        for name, operation in operations(document)
        if name.split()[0].lower() in UNSAFE
        and {"$ref": "#/components/parameters/IdempotencyKey"} not in operation.get("parameters", [])
    }
    assert without == {
        "POST /api/v1/sessions",
        "POST /api/v1/api-keys",
        "POST /api/v1/inbound/carriers/{carrier}",
        "POST /api/v1/safety-reports",
        "POST /api/v1/safety-reports/opening",
    }


def test_the_paths_of_the_main_job_are_there_by_name(document: Document) -> None:
    there = set()
    for name, _ in operations(document):
        method, path = name.split(" ")
        parts = ["{}" if part.startswith("{") else part for part in path.removeprefix("/api/v1").split("/")]
        there.add(f"{method} {'/'.join(parts)}")
    promised = {each.strip() for each in PROMISED.replace("\n", "  ").split("  ") if each.strip()}
    assert promised - there == set()


async def test_a_refusal_comes_as_it_is_described(document: Document, client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/orders")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    jsonschema.validate(answer.json(), document["components"]["schemas"]["Problem"])
    assert answer.json()["code"] == "sign_in_needed"


def test_no_internal_name_shows(document: Document) -> None:
    assert "service." not in json.dumps(document)
