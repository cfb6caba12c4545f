"""Spans as OpenTelemetry sends them: OTLP over HTTP, in protocol buffers or JSON."""
