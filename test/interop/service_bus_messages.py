"""How the Service Bus programs take messages and describe them."""

from scenario import body, properties


def take(receiver, count):
    """So many messages, or those that came before ten seconds passed without one."""
    taken = []
    while len(taken) < count:
        some = receiver.receive_messages(max_message_count=count - len(taken), max_wait_time=10)
        if not some:
            break
        taken += some
    return taken


def describe(message):
    return {
        "body": body(message),
        "message_id": message.message_id,
        "session_id": message.session_id,
        "subject": message.subject,
        "content_type": message.content_type,
        "correlation_id": message.correlation_id,
        "reply_to": message.reply_to,
        "to": message.to,
        "partition_key": message.partition_key,
        "time_to_live": message.time_to_live and message.time_to_live.total_seconds(),
        "application_properties": properties(message.application_properties),
        "sequence_number": message.sequence_number,
        "delivery_count": message.delivery_count,
        "enqueued_time": message.enqueued_time_utc,
        "locked_until": message.locked_until_utc,
        "dead_letter_reason": message.dead_letter_reason,
        "dead_letter_error_description": message.dead_letter_error_description,
    }
