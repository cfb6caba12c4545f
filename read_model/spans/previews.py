"""The few words by which a trace is shown in a list: what went into its root span, and what came out.

Source: MLflow 3.17's previews of requests and responses.
"""

from typing import Any, Final

import msgspec

MAX_CHARACTERS: Final = 1000
USER: Final = "user"
ASSISTANT: Final = "assistant"

_TEXT_PARTS: Final = ("text", "output_text")


def preview(value: Any, role: str) -> str:
    """The preview of a value, of which the last message by `role` says most."""
    text = _message_text(value, role)
    if text is None:
        text = _spaced(value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 3]}..."


def _message_text(value: Any, role: str) -> str | None:
    if not isinstance(value, dict):
        return None
    match value:
        case {"choices": [{"message": dict(message)}, *_]}:
            return _text_of(message.get("content"))
        case {"messages": list(messages)} if found := _last(messages, role):
            return _text_of(found.get("content"))
        case {"input": list(messages)} if found := _last(messages, role):
            return _text_of(found.get("content"))
        case {"output": list(messages)} if found := _last(messages, role):
            return _text_of(found.get("content"))
        case {"request": dict(inner)}:
            return _message_text(inner, role)
        case _:
            return None


def _last(messages: list[Any], role: str) -> dict[str, Any] | None:
    """The last message of a role, else the last of all."""
    known = [one for one in messages if isinstance(one, dict) and "role" in one and "content" in one]
    of_role = [one for one in known if one["role"] == role]
    found = of_role or known
    return found[-1] if found else None


def _text_of(content: Any) -> str | None:
    match content:
        case str():
            return content
        case list():
            for part in content:
                if isinstance(part, str):
                    return part
                if isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str):
                    return str(part["text"])
        case _:
            pass
    return None


def _spaced(value: Any) -> str:
    """JSON with a space after each colon and comma."""
    return msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
