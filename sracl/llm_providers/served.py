"""What providers have in common whose answers come from a server and are paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.llm_providers.allowance import Allowance
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.asking import answered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sracl.interfaces import Prompt
    from sracl.llm_providers.asking import Due
    from sracl.llm_providers.chat_server import ChatServer
    from sracl.llm_providers.request import Request


class Served:
    """Finds stored answers, and has the others asked; how is left to those built on it.

    Args:
        server: Says what is asked for each prompt.
        max_failed: Texts that may be left empty where a request has no answer.
    """

    at_once = True
    """It is to be given all prompts together: equal ones are asked once, and those that begin alike one after another."""

    def __init__(self, server: ChatServer, max_failed: int) -> None:
        self.server = server
        self.max_failed = max_failed
        self.allowance = Allowance()
        """What the command allows; the run puts its own here."""
        self.facts: dict[str, Any] = {}
        """Model and server, and of the last call: requests asked, known before, failed and lost, and what they cost."""
        self.progress: Callable[[int, int], None] | None = None
        """Told how many requests of how many are settled."""

    def __call__(self, prompts: Sequence[Prompt]) -> list[str]:
        """One text per prompt.

        Raises:
            ResourceError: There is no key; the server cannot be had, refuses, or asks for more time than there is patience.
            BudgetError: The ceiling is reached, the account is used up, or the disk is full. What was paid for is kept.
            DataError: Requests have no answer, with their number and the reasons.
        """
        self.facts = {"model": self.server.model, "server": self.server.host}
        answers = Answers()
        return answered(
            prompts,
            answers=answers,
            due_of=self.server.due,
            ask=lambda due, keys: self.ask(answers, due, keys),
            offline=self.allowance.offline,
            max_failed=self.max_failed,
            facts=self.facts,
            known=lambda keys: self.allowance.ceiling.count(answers, keys),
        )

    def requests(self, prompts: Sequence[Prompt]) -> list[Request]:
        """What is asked for each prompt; nobody is asked."""
        return [self.server.due(prompt).request for prompt in prompts]

    def ask(self, answers: Answers, due: Sequence[Due], keys: Sequence[str]) -> None:
        """Settle these requests.

        Args:
            answers: Where they are settled.
            due: The requests without an answer, each once.
            keys: Of all requests, which share a ceiling.
        """
        raise NotImplementedError(f"{type(self).__name__} must define ask()")
