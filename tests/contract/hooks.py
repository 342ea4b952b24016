"""What schemathesis cannot know by itself: how lines of JSON are written, and with which credentials to ask."""

import json
import os
import urllib.request

import schemathesis

BASE = os.environ["CONTRACT_URL"]
# One app after the other: an operation may take the one away, or change it, that the run asks with.
SPARE = [line.split() for line in os.environ["CONTRACT_TOKENS"].splitlines() if line]


def still_good(app, token):
    """Whether an app may still do everything."""
    request = urllib.request.Request(f"{BASE}/v1/apps/{app}", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            shown = json.load(answer)
    except OSError:
        return False
    whole = len(shown["scopes"]) == 5 and shown["bots"] == ["*"]
    return whole and not shown["requireJti"] and shown["rateLimit"] is None and shown["maxTokenAge"] is None


@schemathesis.auth(refresh_interval=1)
class Spare:
    def get(self, case, context):
        for app, token in SPARE:
            if still_good(app, token):
                return token
        raise RuntimeError("all spare credentials were used up; make more of them in run.sh")

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.serializer("application/x-ndjson")
def lines_of_json(ctx, value):
    if isinstance(value, (bytes, str)):
        return value
    items = value if isinstance(value, list) else [value]
    return "".join(json.dumps(item) + "\n" for item in items).encode()


@schemathesis.serializer("text/csv", "application/yaml")
def plain_text(ctx, value):
    return value if isinstance(value, (bytes, str)) else json.dumps(value).encode()


@schemathesis.deserializer("application/x-ndjson")
def read_lines(ctx, response):
    """The description tells what one line is like; where there is none, there is nothing to compare."""
    lines = response.content.decode().splitlines()
    return json.loads(lines[0]) if lines else {"line": 1, "status": 200}
