"""Takes one session, by its id or the next that has messages: its messages, its state, its lock."""

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusClient
from scenario import run
from service_bus_messages import describe, take


def main(arguments):
    session_id = arguments["session_id"] or NEXT_AVAILABLE_SESSION
    with ServiceBusClient.from_connection_string(arguments["connection_string"], retry_total=0) as client:
        receiver = client.get_queue_receiver(arguments["queue_name"], session_id=session_id, max_wait_time=10)
        with receiver:
            session = receiver.session
            messages = take(receiver, arguments["count"])
            for message in messages:
                receiver.complete_message(message)
            state = session.get_state()
            session.set_state(arguments["state"])
            locked_until = session.locked_until_utc
            return {
                "session_id": session.session_id,
                "state": state,
                "locked_until": locked_until,
                "renewed_until": session.renew_lock(),
                "messages": [describe(message) for message in messages],
            }


run(main)
