"""What the official SDK of OpenAI is told at its own paths; only a model's is served yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from client import Client

pytestmark = pytest.mark.promises("S1.2")

ASK: Any = {"model": "sim", "messages": [{"role": "user", "content": "x"}]}
# Each call, and the kind of the job that does the same.
CALLS: dict[str, tuple[Callable[[openai.OpenAI], Any], str]] = {
    "/v1/chat/completions": (lambda sdk: sdk.chat.completions.create(**ASK), "kind chat"),
    "/v1/completions": (lambda sdk: sdk.completions.create(model="sim", prompt="x"), "kind chat"),
    "/v1/responses": (lambda sdk: sdk.responses.create(model="sim", input="x"), "kind response"),
    "/v1/embeddings": (
        lambda sdk: sdk.embeddings.create(model="sim", input="x"),
        "kind embedding",
    ),
    "/v1/models": (lambda sdk: sdk.models.list(), "GET /v1/models/{name}"),
}
FILE: Any = {"file": b"{}", "purpose": "batch"}
BATCH: Any = {"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "24h"}
# What else lies below the same prefixes and others of OpenAI's, and what is said of it.
BELOW: dict[str, tuple[Callable[[openai.OpenAI], Any], str]] = {
    "/v1/batches": (lambda sdk: sdk.batches.create(**BATCH), "POST /v1/jobs/bulk"),
    "/v1/chat": (lambda sdk: sdk.chat.completions.retrieve("c"), "POST /v1/jobs takes the body"),
    "/v1/conversations": (lambda sdk: sdk.conversations.create(), "POST /v1/jobs"),
    "/v1/files": (lambda sdk: sdk.files.create(**FILE), "POST /v1/jobs"),
    "/v1/images": (lambda sdk: sdk.images.generate(prompt="x"), "nothing in its place"),
    "/v1/moderations": (lambda sdk: sdk.moderations.create(input="x"), "nothing in its place"),
    "/v1/responses": (lambda sdk: sdk.responses.cancel("r"), "POST /v1/jobs/{id}/cancel"),
    "/v1/vector_stores": (lambda sdk: sdk.vector_stores.list(), "nothing in its place"),
}


def sdk_of(client: Client, key: str | None = None) -> openai.OpenAI:
    mine = client.http.headers["Authorization"].removeprefix("Bearer ")
    url = str(client.http.base_url.join("/v1"))
    return openai.OpenAI(base_url=url, api_key=key or mine, max_retries=0)


@pytest.fixture
def sdk(client: Client) -> Iterator[openai.OpenAI]:
    with sdk_of(client) as sdk:
        yield sdk


@pytest.fixture
def stranger(client: Client) -> Iterator[openai.OpenAI]:
    with sdk_of(client, "lh_nobody") as sdk:
        yield sdk


@pytest.mark.parametrize("path", CALLS)
def test_a_call_that_is_not_served_says_what_to_call_instead(sdk: openai.OpenAI, path: str) -> None:
    call, instead = CALLS[path]
    with pytest.raises(openai.NotFoundError) as caught:
        call(sdk)
    error = caught.value
    assert f"{path} is not served yet; submit a job" in error.message and instead in error.message
    assert (error.type, error.param, error.code) == ("invalid_request_error", None, "not_found")
    assert error.request_id and error.request_id.startswith("req_")


@pytest.mark.parametrize("prefix", BELOW)
def test_what_lies_below_is_refused_in_the_same_shape(sdk: openai.OpenAI, prefix: str) -> None:
    call, instead = BELOW[prefix]
    with pytest.raises(openai.NotFoundError) as caught:
        call(sdk)
    error = caught.value
    assert f"this call of {prefix} is not served" in error.message and instead in error.message
    assert (error.type, error.param, error.code) == ("invalid_request_error", None, "not_found")


@pytest.mark.parametrize("path", {**CALLS, **BELOW})
def test_the_key_is_asked_before_anything_is_told(stranger: openai.OpenAI, path: str) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        {**CALLS, **BELOW}[path][0](stranger)
    error = caught.value
    assert (error.type, error.code) == ("invalid_request_error", "invalid_api_key")
    assert "served" not in error.message
    assert error.response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", ["sim", "sim?tokens=9"])
def test_a_model_that_is_served_is_described(sdk: openai.OpenAI, name: str) -> None:
    model = sdk.models.retrieve(name)
    assert (model.id, model.object, model.owned_by) == (name, "model", "longhaul")
    assert isinstance(model.created, int)


def test_a_model_that_nobody_serves_is_not_found(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.models.retrieve("nobody-serves-me")
    error = caught.value
    assert (error.type, error.param) == ("invalid_request_error", "model")
    assert error.code == "model_not_found"
    assert "served are sim" in error.message


def test_a_model_is_told_to_nobody_without_a_key(stranger: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        stranger.models.retrieve("sim")


def test_other_refusals_have_their_shape_too(client: Client) -> None:
    """By the method, and by the size of what was sent."""
    told = client.http.get("/v1/chat/completions")
    assert told.status_code == 405 and told.headers["allow"] == "POST"
    large = client.http.post("/v1/responses", content=b" " * (11 << 20))
    assert large.status_code == 413
    for reply in (told, large):
        assert reply.headers["content-type"] == "application/json"
        assert set(reply.json()) == {"error"}
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    elsewhere = client.http.get("/v1/nothing-is-here")
    assert elsewhere.headers["content-type"] == "application/problem+json"
