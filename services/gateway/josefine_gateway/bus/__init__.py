"""Kafka as the gateway sees it: threads and plain callbacks, nothing of asyncio."""
