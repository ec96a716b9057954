"""Sends events as one batch, with a partition key, to a partition, or to any."""

from azure.eventhub import EventData, EventHubProducerClient
from scenario import run


def event(description):
    data = EventData(description.pop("body"))
    for name, value in description.items():
        setattr(data, name, value)
    return data


def main(arguments):
    producer = EventHubProducerClient.from_connection_string(
        arguments["connection_string"], eventhub_name=arguments["eventhub_name"], retry_total=0
    )
    with producer:
        sizes = []
        for one in arguments["batches"]:
            batch = producer.create_batch(**one["options"])
            for description in one["events"]:
                batch.add(event(description))
            producer.send_batch(batch)
            sizes.append(batch.max_size_in_bytes)
        return {"max_sizes": sizes}


run(main)
