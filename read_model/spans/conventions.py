"""MLflow's words for what other conventions say of a span: its type, inputs, outputs, tokens and model.

What was sent stays as it is; attributes in MLflow's words are added where a span has none. The tables go from the first
convention to the last, and the first hit counts. Source: the conventions that MLflow 3.17 translates from.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from read_model.spans.usage import TOKENS, known_items
from read_model.spans.values import read_value
from schemas.events import SpanEvent

SPAN_TYPE: Final = "mlflow.spanType"
INPUTS: Final = "mlflow.spanInputs"
OUTPUTS: Final = "mlflow.spanOutputs"
USAGE: Final = "mlflow.chat.tokenUsage"
COST: Final = "mlflow.llm.cost"
MODEL: Final = "mlflow.llm.model"
PROVIDER: Final = "mlflow.llm.provider"
MESSAGE_FORMAT: Final = "mlflow.message.format"
TOOLS: Final = "mlflow.chat.tools"
UNKNOWN: Final = "UNKNOWN"

_TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "openinference.span.kind": {
        kind: kind
        for kind in (
            "TOOL",
            "CHAIN",
            "LLM",
            "RETRIEVER",
            "EMBEDDING",
            "AGENT",
            "RERANKER",
            "UNKNOWN",
            "GUARDRAIL",
            "EVALUATOR",
        )
    },
    "gen_ai.operation.name": {
        "chat": "CHAT_MODEL",
        "create_agent": "AGENT",
        "embeddings": "EMBEDDING",
        "execute_tool": "TOOL",
        "generate_content": "LLM",
        "invoke_agent": "AGENT",
        "text_completion": "LLM",
        "response": "LLM",
        "llm_call": "LLM",
        "tool_call": "TOOL",
        "agent_call": "AGENT",
    },
    "traceloop.span.kind": {
        "workflow": "WORKFLOW",
        "task": "TASK",
        "agent": "AGENT",
        "tool": "TOOL",
        "unknown": "UNKNOWN",
    },
    "ai.operationId": {
        **dict.fromkeys(
            (
                "ai.generateText",
                "ai.generateText.doGenerate",
                "ai.streamText",
                "ai.streamText.doStream",
                "ai.generateObject",
                "ai.generateObject.doGenerate",
                "ai.streamObject",
                "ai.streamObject.doStream",
            ),
            "LLM",
        ),
        "ai.toolCall": "TOOL",
        "ai.embed": "EMBEDDING",
        "ai.embed.doEmbed": "EMBEDDING",
        "ai.embedMany": "EMBEDDING",
    },
    "span.type": {
        "claude_code.interaction": "AGENT",
        "claude_code.llm_request": "LLM",
        "claude_code.tool": "TOOL",
        "agent": "AGENT",
        "llm": "LLM",
        "tool": "TOOL",
        "memory": "MEMORY",
    },
    "entity.type": {"agent": "AGENT", "llm": "LLM", "tool": "TOOL", "memory": "MEMORY"},
    "lmnr.span.type": {
        "LLM": "LLM",
        "TOOL": "TOOL",
        "DEFAULT": "CHAIN",
        "PIPELINE": "CHAIN",
        "EXECUTOR": "AGENT",
        "EVALUATOR": "EVALUATOR",
        "HUMAN_EVALUATOR": "EVALUATOR",
        "EVALUATION": "EVALUATOR",
        "CACHED": "LLM",
    },
    "langfuse.observation.type": {
        "generation": "LLM",
        "embedding": "EMBEDDING",
        "tool": "TOOL",
        "retriever": "RETRIEVER",
        "agent": "AGENT",
        "chain": "CHAIN",
        "evaluator": "EVALUATOR",
        "guardrail": "GUARDRAIL",
        "span": "UNKNOWN",
    },
}
"""By the attribute, what each of its values is called."""

_INPUTS: Final = (
    "input.value",
    "gen_ai.input.messages",
    "gen_ai.tool.call.arguments",
    "traceloop.entity.input",
    re.compile(r"gen_ai\.prompt\.\d+\.content"),
    re.compile(r"gen_ai\.completion\.\d+\.tool_calls\.\d+\.arguments"),
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.tool_call_args",
    "ai.prompt",
    "ai.prompt.messages",
    "ai.toolCall.args",
    "ai.value",
    "ai.values",
    "agent.messages",
    "llm.messages",
    "input",
    "lk.user_input",
    "lk.user_transcript",
    "lk.chat_ctx",
    "lk.input_text",
    "lmnr.span.input",
    "langfuse.observation.input",
)
_OUTPUTS: Final = (
    "output.value",
    "gen_ai.output.messages",
    "gen_ai.tool.call.result",
    "traceloop.entity.output",
    re.compile(r"gen_ai\.completion\.\d+\.content"),
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_response",
    "ai.response.text",
    "ai.toolCall.result",
    "ai.response.object",
    "ai.embedding",
    "ai.embeddings",
    "output",
    "lk.response.text",
    "lk.response.function_calls",
    "lmnr.span.output",
    "langfuse.observation.output",
)
_MODELS: Final = (
    "llm.response.model_name",
    "llm.model_name",
    "llm.request.model_name",
    "embedding.model_name",
    "gen_ai.response.model",
    "gen_ai.request.model",
)
_PROVIDERS: Final = ("llm.provider", "gen_ai.provider.name", "gen_ai.system")
_TOOL_DEFINITIONS: Final = ("gen_ai.tool.definitions",)

_TOKENS: Final[Sequence[Sequence[Sequence[str]]]] = (
    (
        ("llm.token_count.prompt",),
        ("llm.token_count.completion",),
        ("llm.token_count.total",),
        ("llm.token_count.prompt_details.cache_read",),
        ("llm.token_count.prompt_details.cache_write",),
    ),
    (
        ("gen_ai.usage.input_tokens",),
        ("gen_ai.usage.output_tokens",),
        (),
        ("gen_ai.usage.cache_read.input_tokens",),
        ("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ),
    (("gen_ai.usage.prompt_tokens",), ("gen_ai.usage.completion_tokens",), ("llm.usage.total_tokens",), (), ()),
    (
        ("usage.prompt_tokens", "llm.usage.prompt_tokens"),
        ("usage.completion_tokens", "llm.usage.completion_tokens"),
        ("usage.total_tokens", "llm.usage.total_tokens"),
        (),
        (),
    ),
)
"""Of each convention the attributes of each of TOKENS; a convention is taken that has one of the first three."""

_TOKENS_BY_KEYS: Final = tuple(
    (frozenset(key for keys in convention for key in keys), tuple(zip(TOKENS, convention, strict=True)))
    for convention in _TOKENS
)
_TOKEN_KEYS: Final = frozenset().union(*(keys for keys, _ in _TOKENS_BY_KEYS))
_MAIN_TOKENS: Final = frozenset(TOKENS[:3])

_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
}
"""Events that each hold one message of the input."""
_FORMATS: Final = {
    "lmnr.span.type": "openai",
    "voltagent.operation_id": "voltagent",
    "voltagent.conversation_id": "voltagent",
    "lk.agent_name": "livekit",
    "lk.room_name": "livekit",
    "lk.job_id": "livekit",
    "lk.participant_identity": "livekit",
}
"""How the page is to show messages, by an attribute that is there."""

_SELDOM_THERE: Final = frozenset({*_FORMATS, *_TOOL_DEFINITIONS, *_MODELS, *_PROVIDERS})
"""Without any of them a span is told nothing by these tables: that is found out at once for all."""


def words_added() -> list[str]:
    """The words that may be in what is added, and nowhere in what was sent."""
    types = {kind for kinds in _TYPES.values() for kind in kinds.values()}
    return sorted({*types, *_FORMATS.values(), *_ROLES.values(), "role", "content"})


def whole(attributes: Mapping[str, Any], events: Sequence[SpanEvent]) -> Mapping[str, Any]:
    """All attributes of a span, with what is added."""
    added = dict(_added(attributes, events))
    return {**attributes, **added} if added else attributes


def _added(attributes: Mapping[str, Any], events: Sequence[SpanEvent]) -> Iterator[tuple[str, Any]]:
    """What is added to a span, none of which it has; of its type only what it does not know."""
    if read_value(attributes.get(SPAN_TYPE)) in (None, UNKNOWN) and (found := _type(attributes)):
        yield SPAN_TYPE, found
    inputs = attributes.get(INPUTS)
    if inputs is None and (inputs := _first(attributes, _INPUTS) or _messages(events)):
        yield INPUTS, inputs
    outputs = attributes.get(OUTPUTS)
    if outputs is None and (outputs := _first(attributes, _OUTPUTS) or _choices(events)):
        yield OUTPUTS, outputs
    if USAGE not in attributes and (usage := _usage(attributes)):
        yield USAGE, usage
    if _SELDOM_THERE.isdisjoint(attributes):
        if MODEL not in attributes and (model := _model_within(inputs, outputs)):
            yield MODEL, model
        return
    if MESSAGE_FORMAT not in attributes:
        for key, form in _FORMATS.items():
            if key in attributes:
                yield MESSAGE_FORMAT, form
                break
    if TOOLS not in attributes and (tools := _first(attributes, _TOOL_DEFINITIONS)):
        yield TOOLS, tools
    if MODEL not in attributes and (model := _model(attributes, inputs, outputs)):
        yield MODEL, model
    if PROVIDER not in attributes and isinstance(provider := read_value(_first(attributes, _PROVIDERS)), str):
        yield PROVIDER, provider


def _type(attributes: Mapping[str, Any]) -> str | None:
    for key, types in _TYPES.items():
        if key not in attributes:
            continue
        kind = read_value(attributes[key])
        if isinstance(kind, str) and kind in types:
            return types[kind]
    return None


def _first(attributes: Mapping[str, Any], keys: Sequence[str | re.Pattern[str]]) -> Any:
    """The first value that says something: no empty text, list or map, and no JSON of one."""
    for key in keys:
        if isinstance(key, str):
            if key in attributes and _says(attributes[key]):
                return attributes[key]
        else:
            for name, value in attributes.items():
                if key.match(name) and _says(value):
                    return value
    return None


def _says(value: Any) -> bool:
    return bool(value) and value != "null" and bool(read_value(value))


def _messages(events: Sequence[SpanEvent]) -> Any:
    for event in events:
        if event.name == "gen_ai.content.prompt" and (prompt := event.attributes.get("gen_ai.prompt")):
            return prompt
    return [
        {"role": _ROLES[event.name], "content": read_value(event.attributes["content"])}
        for event in events
        if event.name in _ROLES and event.attributes.get("content")
    ]


def _choices(events: Sequence[SpanEvent]) -> Any:
    for event in events:
        if event.name == "gen_ai.content.completion" and (completion := event.attributes.get("gen_ai.completion")):
            return completion
    return [
        {
            "role": read_value(event.attributes.get("role", "assistant")),
            "content": read_value(event.attributes["content"]),
        }
        for event in events
        if event.name == "gen_ai.choice" and event.attributes.get("content")
    ]


def _usage(attributes: Mapping[str, Any]) -> dict[str, int] | None:
    if _TOKEN_KEYS.isdisjoint(attributes):
        return None
    for its_keys, convention in _TOKENS_BY_KEYS:
        if its_keys.isdisjoint(attributes):
            continue
        found: dict[str, int] = {}
        for item, keys in convention:
            for key in keys:
                if key in attributes and (value := _whole_number(attributes[key])) is not None:
                    found[item] = value
                    break
        if not _MAIN_TOKENS.isdisjoint(found):
            if "total_tokens" not in found and "input_tokens" in found and "output_tokens" in found:
                found["total_tokens"] = found["input_tokens"] + found["output_tokens"]
            return {item: found[item] for item in TOKENS if item in found}
    return None


def _whole_number(value: Any) -> int | None:
    """A number, or one in text."""
    if value.__class__ is int:
        return int(value)
    if isinstance(value, str):
        value = read_value(value)
    if isinstance(value, str):
        try:
            return int(value) if len(value) < 20 else None
        except ValueError:
            return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _model(attributes: Mapping[str, Any], inputs: Any, outputs: Any) -> str | None:
    found = read_value(_first(attributes, _MODELS))
    return found if isinstance(found, str) else _model_within(inputs, outputs)


def _model_within(inputs: Any, outputs: Any) -> str | None:
    for value in (inputs, outputs):
        if isinstance(value, str) and '"model"' not in value:
            continue
        read = read_value(value)
        if isinstance(read, dict) and isinstance(model := read.get("model"), str) and model:
            return model
    return None


def usage_of(attributes: Mapping[str, Any], key: str, items: Sequence[str]) -> dict[str, int | float] | None:
    """The known items of a usage or a cost that an attribute of MLflow's holds; None without any."""
    value = attributes.get(key)
    if value is None:
        return None
    return known_items(value if value.__class__ is dict else read_value(value), items)
