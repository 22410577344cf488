"""What schemathesis cannot know from docs/openapi.json: how binary bodies are sent, and which ids exist."""

import os
import re

import schemathesis

schemathesis.serializer.alias(
    ["application/vnd.kvedge.chunk", "application/vnd.kvedge.profile"], "application/octet-stream"
)

STORED_IDS = {
    "chunks": os.environ["KVEDGE_TEST_CHUNK"],
    "contexts": os.environ["KVEDGE_TEST_CONTEXT"],
    "profiles": os.environ["KVEDGE_TEST_PROFILE"],
}


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    """Half of the valid ids become one that is stored, so that requests get past 404. What is stored is not deleted."""
    id = (path_parameters or {}).get("id")
    if ctx.operation.method.upper() == "DELETE":
        return path_parameters
    if isinstance(id, str) and re.fullmatch("[0-9a-f]{64}", id) and int(id[-1], 16) % 2 == 0:
        kind = ctx.operation.path.split("/")[2]
        path_parameters["id"] = STORED_IDS.get(kind, id)
    return path_parameters


@schemathesis.hook
def map_body(ctx, body):
    """Purges only tell what they would remove."""
    purges = ctx.operation.path == "/v1/purge" and isinstance(body, dict)
    if purges and isinstance(body.get("dryRun", False), bool):
        return {**body, "dryRun": True}
    return body


@schemathesis.hook
def map_headers(ctx, headers):
    """`Prefer: wait` would hold a request for up to a minute."""
    return {name: value for name, value in (headers or {}).items() if name.lower() != "prefer"}


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Who asks for a job does not wait for one: without `waitSeconds` it would be 20 s."""
    body = case.body
    if case.operation.path == "/v1/jobs/lease" and isinstance(body, dict):
        seconds = body.get("waitSeconds", 20)
        is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if is_number and 0 <= seconds <= 25 and seconds == int(seconds):  # JSON Schema counts 21.0 as an integer
            case.body = {**body, "waitSeconds": 0}
