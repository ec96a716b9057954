"""Peeks, renews a lock, defers and takes up again, schedules and cancels: what goes over the management link."""

import time

from azure.servicebus import ServiceBusClient, ServiceBusMessage
from scenario import run
from service_bus_messages import describe, take


def main(arguments):
    with ServiceBusClient.from_connection_string(arguments["connection_string"], retry_total=0) as client:
        with client.get_queue_receiver(arguments["queue_name"]) as receiver:
            peeked = [describe(message) for message in receiver.peek_messages(max_message_count=10)]
            [message] = take(receiver, 1)
            locked_until = message.locked_until_utc
            # A renewal in the millisecond of the delivery would end in the same millisecond.
            time.sleep(0.02)
            renewed_until = receiver.renew_message_lock(message)
            receiver.defer_message(message)
            [deferred] = receiver.receive_deferred_messages(message.sequence_number)
            receiver.complete_message(deferred)
        with client.get_queue_sender(arguments["queue_name"]) as sender:
            later = [ServiceBusMessage(b"kept"), ServiceBusMessage(b"cancelled")]
            numbers = sender.schedule_messages(later, arguments["scheduled_at"])
            sender.cancel_scheduled_messages(numbers[1])
        return {
            "peeked": peeked,
            "locked_until": locked_until,
            "renewed_until": renewed_until,
            "deferred": describe(deferred),
            "scheduled": numbers,
        }


run(main)
