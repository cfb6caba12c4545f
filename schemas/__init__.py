"""The language the services share: events, envelope, codec, read-model tables, requests and errors."""
