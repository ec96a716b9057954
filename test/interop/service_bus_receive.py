"""Receives messages and settles them, each as it is told: the name of the settlement and its options."""

from azure.servicebus import ServiceBusClient
from scenario import run
from service_bus_messages import describe, take


def main(arguments):
    with ServiceBusClient.from_connection_string(arguments["connection_string"], retry_total=0) as client:
        of_topic = "topic_name" in arguments["entity"]
        receiver = (client.get_subscription_receiver if of_topic else client.get_queue_receiver)(**arguments["entity"])
        with receiver:
            settlements = arguments["settle"]
            messages = take(receiver, len(settlements))
            # A settled message no longer tells how long it was locked.
            described = [describe(message) for message in messages]
            for message, (settlement, options) in zip(messages, settlements):
                getattr(receiver, f"{settlement}_message")(message, **options)
            return described


run(main)
