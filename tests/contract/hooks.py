"""What schemathesis cannot know by itself: how to write lines of JSON, and which credentials may be given away."""

import json
import os

import schemathesis

# Spare ones: what an operation takes away (apps, secrets, keys) is never what the run itself asks with.
TOKEN = os.environ["CONTRACT_TOKEN"]


def lines(value):
    """A line of JSON for each item; one value is one line."""
    items = value if isinstance(value, list) else [value]
    return "".join(json.dumps(item) + "\n" for item in items).encode()


@schemathesis.serializer("application/x-ndjson")
def ndjson(ctx, value):
    if isinstance(value, (bytes, str)):
        return value
    return lines(value)


@schemathesis.serializer("text/csv")
def csv(ctx, value):
    return value if isinstance(value, (bytes, str)) else str(value).encode()
