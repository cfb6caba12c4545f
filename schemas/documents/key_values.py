"""What params and tags of every kind look like."""

from typing import Final

from schemas.documents.shape import Object, Text

KEY_VALUE: Final = Object(Text("key"), Text("value"))
