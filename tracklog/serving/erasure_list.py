"""A list of erasures beside a log, which stays when an older copy of the log is put back."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from event_log.erased_reads import erasure_in
from schemas.envelope import RecordedEvent
from schemas.event_json import event_id_text, event_json, event_of_json

_BLOCK_BYTES: Final = 65_536


class NotAnErasureList(ValueError):
    """A file is no list of erasures; the message says where it is not."""


class ErasureList:
    """Lines of JSON, an event each, as `tracklog events` prints them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: set[str] | None = None

    def note(self, recorded: RecordedEvent) -> None:
        """Keep an erasure, once; it is durable when this returns. Raises OSError."""
        if self._known is None:
            self._known = {event_id_text(event.id) for event in self.events()}
        event_id = event_id_text(recorded.id)
        if event_id in self._known:
            return
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            file.seek(_end_of_lines(file))  # behind the last whole line: a crash may have left half of one
            file.truncate()
            file.write(event_json(recorded) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._known.add(event_id)

    def events(self) -> Iterator[RecordedEvent]:
        """The erasures, in order; nothing where there is no file. Raises NotAnErasureList."""
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for number, line in enumerate(lines, start=1):
            try:
                event = event_of_json(line)
            except (msgspec.DecodeError, ValueError) as error:
                if number == len(lines):
                    return  # a crash left half of it
                raise NotAnErasureList(f"line {number} of {self._file} is no event: {error}") from error
            if erasure_in(event) is None:
                raise NotAnErasureList(f"line {number} of {self._file} is no erasure")
            yield event


def _end_of_lines(file: BinaryIO) -> int:
    """Where the last whole line ends, in bytes. The list may be long, so it is looked for from its end."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        begin = max(0, end - _BLOCK_BYTES)
        file.seek(begin)
        at = file.read(end - begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0
