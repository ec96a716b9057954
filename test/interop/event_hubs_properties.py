"""Asks for the properties of a hub and of each of its partitions."""

from azure.eventhub import EventHubProducerClient
from scenario import run


def main(arguments):
    producer = EventHubProducerClient.from_connection_string(
        arguments["connection_string"], eventhub_name=arguments["eventhub_name"], retry_total=0
    )
    with producer:
        hub = producer.get_eventhub_properties()
        return {"hub": hub, "partitions": [producer.get_partition_properties(one) for one in hub["partition_ids"]]}


run(main)
