"""Reads every partition from its checkpoint in a blob container, and writes the checkpoint of one event."""

import re

from azure.eventhub import EventHubConsumerClient, TransportType
from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore
from event_hubs_reading import read
from scenario import body, run


def main(arguments):
    store = BlobCheckpointStore.from_connection_string(arguments["storage"], arguments["container"])
    # The store names its blobs after the endpoint: with its port here, without it in the JS SDK. So the port goes elsewhere.
    address = re.search(r"sb://([^:;]+):\d+", arguments["connection_string"])
    consumer = EventHubConsumerClient.from_connection_string(
        arguments["connection_string"].replace(address[0], f"sb://{address[1]}"),
        "$Default",
        eventhub_name=arguments["eventhub_name"],
        checkpoint_store=store,
        load_balancing_interval=1,
        retry_total=0,
        custom_endpoint_address=address[0],
        transport_type=TransportType.Amqp,
    )

    def on_event(context, event):
        if body(event) == arguments["checkpoint_at"]:
            context.update_checkpoint(event)

    with store:
        return read(consumer, arguments["count"], on_event, starting_position="-1")


run(main)
