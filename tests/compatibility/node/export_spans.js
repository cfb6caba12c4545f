// Sends spans as OpenTelemetry's exporters for Node do, in JSON and in protocol buffers, and prints the ids of their traces.
const { SpanKind, SpanStatusCode, trace } = require("@opentelemetry/api");
const { OTLPTraceExporter: Json } = require("@opentelemetry/exporter-trace-otlp-http");
const { OTLPTraceExporter: Protobuf } = require("@opentelemetry/exporter-trace-otlp-proto");
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { resourceFromAttributes } = require("@opentelemetry/resources");

const [url, experiment] = process.argv.slice(2);

async function send(Exporter, compression) {
  const exporter = new Exporter({ url: `${url}/v1/traces`, headers: { "x-mlflow-experiment-id": experiment }, compression });
  const resource = resourceFromAttributes({ "service.name": "from node" });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  const tracer = provider.getTracer("a scope", "1.2");
  const root = tracer.startSpan("chat", {
    kind: SpanKind.CLIENT,
    attributes: { "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3, text: "\u2603", flag: true, share: 0.5, list: ["a", "b"] },
  });
  const { context } = require("@opentelemetry/api");
  const tool = tracer.startSpan("look up", { links: [{ context: root.spanContext() }] }, trace.setSpan(context.active(), root));
  tool.addEvent("asked", { city: "Paris" });
  tool.setStatus({ code: SpanStatusCode.ERROR, message: "no such city" });
  tool.end();
  root.end();
  await provider.forceFlush();
  await provider.shutdown();
  return root.spanContext().traceId;
}

(async () => console.log(JSON.stringify([await send(Json, "none"), await send(Protobuf, "gzip")])))();
