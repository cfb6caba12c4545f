"""Questions that are asked at the same time, put as one: where each would be a round trip of its own, and wait."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class AskedTogether(Generic[Question, Answer]):
    """What is asked in one turn of the event loop is put together, by `put`, which answers each in the order given."""

    def __init__(self, put: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]) -> None:
        self._put = put
        self._questions: list[Question] = []
        self._answers: asyncio.Task[Sequence[Answer]] | None = None

    async def ask(self, question: Question) -> Answer:
        """The answer to one of them. Raises what `put` raises, as do the others."""
        if self._answers is None:
            self._answers = asyncio.create_task(self._put_all())
        number, answers = len(self._questions), self._answers
        self._questions.append(question)
        # Who leaves takes no answer from those who asked with him.
        return (await asyncio.shield(answers))[number]

    async def _put_all(self) -> Sequence[Answer]:
        questions, self._questions = self._questions, []
        self._answers = None
        return await self._put(questions)
