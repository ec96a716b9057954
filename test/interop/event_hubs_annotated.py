"""Sends one event with every section that there is, and tells how it went."""

from azure.eventhub import EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import EventHubError
from scenario import run, text


def main(arguments):
    producer = EventHubProducerClient.from_connection_string(
        arguments["connection_string"], eventhub_name=arguments["eventhub_name"], retry_total=0
    )
    message = AmqpAnnotatedMessage(
        data_body=[b"a", b"b"],
        header={"priority": 7},
        delivery_annotations={"hop": 1},
        annotations={"own": 2},
        properties={"subject": "s"},
        application_properties={"name": "n"},
        footer={"end": 3},
    )
    with producer:
        try:
            producer.send_batch([message], timeout=20)
        except EventHubError as error:
            return {"error": type(error).__name__, "message": text(error.message)}
    return {"error": None}


run(main)
