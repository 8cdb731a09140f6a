"""Producers and consumers for applications: publish audio, collect transcripts, straight over Kafka.

publisher.py sends, collector.py receives, player.py does both for many recordings at once; chunks.py,
results.py and pacing.py are their pure cores.
"""
