"""What the programs beside this file share: one JSON argument in, one JSON line out.

Values that JSON has no type for travel as an object of one key: {"$bytes": hex}, {"$uuid": text}, {"$time": milliseconds}, and
{"$long": number}, because the SDKs send a plain number as an AMQP int and refuse those of more than 32 bits.
"""

import datetime
import json
import sys
import uuid

UTC = datetime.timezone.utc


def _read(value):
    if "$bytes" in value:
        return bytes.fromhex(value["$bytes"])
    if "$uuid" in value:
        return uuid.UUID(value["$uuid"])
    if "$time" in value:
        return datetime.datetime.fromtimestamp(value["$time"] / 1000, UTC)
    if "$long" in value:
        return {"TYPE": "LONG", "VALUE": value["$long"]}
    return value


def _write(value):
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, uuid.UUID):
        return {"$uuid": str(value)}
    if isinstance(value, datetime.datetime):
        return {"$time": round(value.timestamp() * 1000)}
    return str(value)


def text(value):
    """The SDKs give names and strings of application properties as bytes."""
    return value.decode() if isinstance(value, bytes) else value


def properties(found):
    return {text(name): text(value) for name, value in (found or {}).items()}


def body(message):
    """The bytes of a data section, else what the section holds."""
    if message.body_type.value == "data":
        return b"".join(message.body)
    return message.body


def run(main):
    """Prints what `main` returns for the argument; an SDK's error becomes its class and its message."""
    try:
        answer = main(json.loads(sys.argv[1], object_hook=_read))
    except Exception as error:
        # Those of Event Hubs have no base class in common with the others.
        if not type(error).__module__.startswith("azure."):
            raise
        answer = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(answer, default=_write))
