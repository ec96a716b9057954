"""Reads so many events of one partition from a position: an offset, a sequence number, a time."""

from azure.eventhub import EventHubConsumerClient
from event_hubs_reading import read
from scenario import run


def main(arguments):
    consumer = EventHubConsumerClient.from_connection_string(
        arguments["connection_string"], "$Default", eventhub_name=arguments["eventhub_name"], retry_total=0
    )
    return read(consumer, arguments["count"], **arguments["options"])


run(main)
