"""The wire: Avro records of every topic, their codec, their ids. Imports neither Kafka nor a service."""
