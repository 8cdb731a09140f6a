"""The only library that imports confluent_kafka: readers, writers, transactions, topics."""
