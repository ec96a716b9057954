"""How the Event Hubs programs read until they have enough, and describe what they read."""

import threading

from azure.eventhub import EventData
from scenario import body, properties

ENOUGH_SECONDS = 20


def describe(context, event: EventData):
    return {
        "partition_id": context.partition_id,
        "body": body(event),
        "properties": properties(event.properties),
        "partition_key": event.partition_key and event.partition_key.decode(),
        "sequence_number": event.sequence_number,
        "offset": event.offset,
        "enqueued_time": event.enqueued_time,
        "content_type": event.content_type,
        "correlation_id": event.correlation_id,
        "message_id": event.message_id,
    }


def read(consumer, count, on_event=lambda context, event: None, **options):
    """Reads so many events, then closes the consumer. Raises what the consumer reported, or TimeoutError."""
    events, errors, done = [], [], threading.Event()

    def take(context, event):
        if len(events) >= count:
            return
        events.append(describe(context, event) | {"last": context.last_enqueued_event_properties})
        on_event(context, event)
        if len(events) == count:
            done.set()

    def fail(context, error):
        errors.append(error)
        done.set()

    reader = threading.Thread(target=consumer.receive, args=(take,), kwargs={"on_error": fail, **options}, daemon=True)
    reader.start()
    came = done.wait(ENOUGH_SECONDS)
    consumer.close()
    reader.join(ENOUGH_SECONDS)
    if errors:
        raise errors[0]
    if not came:
        raise TimeoutError(f"Only {len(events)} of {count} events came.")
    return events
