"""Sends messages to a queue or a topic: together as one batch, or one after the other."""

from azure.servicebus import ServiceBusClient, ServiceBusMessage
from scenario import run


def main(arguments):
    with ServiceBusClient.from_connection_string(arguments["connection_string"], retry_total=0) as client:
        topic = "topic_name" in arguments["entity"]
        sender = (client.get_topic_sender if topic else client.get_queue_sender)(**arguments["entity"])
        with sender:
            messages = [ServiceBusMessage(**message) for message in arguments["messages"]]
            if arguments["batch"]:
                batch = sender.create_message_batch()
                for message in messages:
                    batch.add_message(message)
                sender.send_messages(batch)
                return {"sent": len(messages), "max_size": batch.max_size_in_bytes}
            for message in messages:
                sender.send_messages(message)
            return {"sent": len(messages)}


run(main)
