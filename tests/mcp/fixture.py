"""What the official conformance suite asks of a server, behind the endpoint of the product.

The suite calls tools, resources and prompts of its own: they are here, and everything beneath them
(bounds, hosts, sessions, streams) is what a gateway serves.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mcp.types as t
from mcp.server.lowlevel import Server
from mcp.shared.message import ServerMessageMetadata

from runfold.surfaces.http.access.limits import Limits, Use
from runfold.surfaces.http.server import make_server, opened, run
from runfold.surfaces.mcp.transport.endpoint import Endpoint

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
_NONE: dict[str, Any] = {"type": "object", "properties": {}}
_SCHEMA_2020 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "additionalProperties": False,
}
_FORMS: dict[str, dict[str, Any]] = {
    "test_elicitation": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "test_elicitation_sep1034_defaults": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        "verified": {"type": "boolean", "default": True},
    },
    "test_elicitation_sep1330_enums": {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {
            "type": "string",
            "oneOf": [
                {"const": "value1", "title": "First Option"},
                {"const": "value2", "title": "Second Option"},
                {"const": "value3", "title": "Third Option"},
            ],
        },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {
            "type": "array",
            "items": {"type": "string", "enum": ["option1", "option2", "option3"]},
        },
        "titledMulti": {
            "type": "array",
            "items": {
                "anyOf": [
                    {"const": "value1", "title": "First Choice"},
                    {"const": "value2", "title": "Second Choice"},
                    {"const": "value3", "title": "Third Choice"},
                ]
            },
        },
    },
}
_TOOLS = (
    "test_simple_text", "test_image_content", "test_audio_content", "test_embedded_resource",
    "test_multiple_content_types", "test_tool_with_logging", "test_tool_with_progress",
    "test_error_handling", "test_sampling", "test_reconnection", *_FORMS,
)  # fmt: skip
_PROMPTS = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
}


def _text(said: str) -> t.TextContent:
    return t.TextContent(type="text", text=said)


def _embedded(uri: str, kind: str, text: str) -> t.EmbeddedResource:
    held = t.TextResourceContents(uri=uri, mime_type=kind, text=text)
    return t.EmbeddedResource(type="resource", resource=held)


_IMAGE = t.ImageContent(type="image", data=PNG, mime_type="image/png")
_SAID: dict[str, list[Any]] = {
    "test_simple_text": [_text("This is a simple text response for testing.")],
    "test_image_content": [_IMAGE],
    "test_audio_content": [t.AudioContent(type="audio", data=WAV, mime_type="audio/wav")],
    "test_embedded_resource": [
        _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        _text("Multiple content types test:"),
        _IMAGE,
        _embedded(
            "test://mixed-content-resource",
            "application/json",
            json.dumps({"test": "data", "value": 123}),
        ),
    ],
}


async def _list_tools(ctx: Any, params: Any) -> t.ListToolsResult:
    tools = [t.Tool(name=n, description=n.replace("_", " "), input_schema=_NONE) for n in _TOOLS]
    schema = t.Tool(
        name="json_schema_2020_12_tool", description="2020-12", input_schema=_SCHEMA_2020
    )
    return t.ListToolsResult(tools=[*tools, schema])


async def _call_tool(ctx: Any, params: t.CallToolRequestParams) -> t.CallToolResult:
    name, given = params.name, params.arguments or {}
    if name in _SAID:
        return t.CallToolResult(content=_SAID[name])
    if name in _FORMS:
        said = await ctx.session.elicit_form(
            given.get("message", "Say something"),
            {"type": "object", "properties": _FORMS[name], "required": []},
            related_request_id=ctx.request_id,
        )
        text = f"User response: action={said.action}, content={json.dumps(said.content)}"
        return t.CallToolResult(content=[_text(text)])
    match name:
        case "test_tool_with_progress":
            for done in (0, 50, 100):
                await ctx.session.report_progress(done, 100)
                await asyncio.sleep(0.05)
        case "test_tool_with_logging":
            for said in ("started", "processing data", "completed"):
                await _log(ctx, f"Tool execution {said}")
                await asyncio.sleep(0.05)
        case "test_sampling":
            return t.CallToolResult(content=[_text(await _sampled(ctx, given))])
        case "test_error_handling":
            said = "This tool intentionally returns an error for testing"
            return t.CallToolResult(content=[_text(said)], is_error=True)
        case _:
            pass
    return t.CallToolResult(content=[_text(f"{name} is done")])


async def _log(ctx: Any, said: str) -> None:
    params = t.LoggingMessageNotificationParams(level="info", data=said)
    told = t.LoggingMessageNotification(params=params)
    await ctx.session.send_notification(told, related_request_id=ctx.request_id)


async def _sampled(ctx: Any, given: dict[str, Any]) -> str:
    message = t.SamplingMessage(role="user", content=_text(str(given.get("prompt", ""))))
    params = t.CreateMessageRequestParams(messages=[message], max_tokens=100)
    found = await ctx.session.send_request(
        t.CreateMessageRequest(params=params),
        t.CreateMessageResult,
        metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
    )
    return f"LLM response: {found.content.text}"


async def _list_resources(ctx: Any, params: Any) -> t.ListResourcesResult:
    rows = (("static-text", "text/plain"), ("static-binary", "image/png"))
    return t.ListResourcesResult(
        resources=[
            t.Resource(uri=f"test://{n}", name=n, description=n, mime_type=m) for n, m in rows
        ]
    )


async def _templates(ctx: Any, params: Any) -> t.ListResourceTemplatesResult:
    row = t.ResourceTemplate(name="template", uri_template="test://template/{id}/data")
    return t.ListResourceTemplatesResult(resource_templates=[row])


async def _read(ctx: Any, params: t.ReadResourceRequestParams) -> t.ReadResourceResult:
    uri = params.uri
    if uri == "test://static-binary":
        blob = t.BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)
        return t.ReadResourceResult(contents=[blob])
    if uri.startswith("test://template/"):
        own = uri.split("/")[3]
        said = {"id": own, "templateTest": True, "data": f"Data for ID: {own}"}
        text, kind = json.dumps(said), "application/json"
    else:
        text, kind = "This is the content of the static text resource.", "text/plain"
    held = t.TextResourceContents(uri=uri, mime_type=kind, text=text)
    return t.ReadResourceResult(contents=[held])


async def _list_prompts(ctx: Any, params: Any) -> t.ListPromptsResult:
    return t.ListPromptsResult(
        prompts=[
            t.Prompt(
                name=name,
                description=name,
                arguments=[t.PromptArgument(name=each, required=True) for each in arguments],
            )
            for name, arguments in _PROMPTS.items()
        ]
    )


async def _get_prompt(ctx: Any, params: t.GetPromptRequestParams) -> t.GetPromptResult:
    given = params.arguments or {}
    known: dict[str, list[Any]] = {
        "test_simple_prompt": [_text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments": [
            _text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
        ],
        "test_prompt_with_embedded_resource": [
            _embedded(
                given.get("resourceUri", ""), "text/plain", "Embedded resource content for testing."
            ),
            _text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image": [_IMAGE, _text("Please analyze the image above.")],
    }
    said = known[params.name]
    return t.GetPromptResult(messages=[t.PromptMessage(role="user", content=c) for c in said])


async def _complete(ctx: Any, params: t.CompleteRequestParams) -> t.CompleteResult:
    return t.CompleteResult(completion=t.Completion(values=["test"], total=1, has_more=False))


async def _nothing(ctx: Any, params: Any) -> t.EmptyResult:
    return t.EmptyResult()


def fixture_server() -> Server[Any]:
    """Return a server with all that the suite asks for."""
    server: Server[Any] = Server(
        "fixture",
        version="1.0",
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_templates,
        on_read_resource=_read,
        on_subscribe_resource=_nothing,
        on_unsubscribe_resource=_nothing,
        on_list_prompts=_list_prompts,
        on_get_prompt=_get_prompt,
        on_completion=_complete,
    )
    server.add_request_handler("logging/setLevel", t.SetLevelRequestParams, _nothing)
    return server


@contextmanager
def fixture_serving() -> Iterator[str]:
    """Serve it on a free port and yield its address."""
    use = Use(Limits())
    endpoint = Endpoint(fixture_server(), use.limits, lambda scope: "")
    listening = opened("127.0.0.1", 0)
    server = make_server(endpoint, use)
    thread = threading.Thread(target=run, args=(server, listening))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        server.stop()
        thread.join(20)
        listening.close()
        assert not thread.is_alive()


if __name__ == "__main__":
    with fixture_serving() as address:
        print(address, flush=True)
        threading.Event().wait()
