"""Live sessions for applications, which survive cut connections by themselves.

async_session.py and session.py speak to the gateway over a WebSocket (they need the package websockets: the extra
`client`), kafka_session.py straight to Kafka; all three have the same interface. resumption.py is their pure core:
outbox.py holds what was not acknowledged, seen.py knows what was told, retry.py when to try again.
"""
