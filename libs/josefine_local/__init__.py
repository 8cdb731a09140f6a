"""The stack on one machine: Apache Kafka, Valkey and the services as supervised processes."""
