"""What `sracl show` says of a prompt: its words as they are written, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sracl.registry.card import Card


def print_prompt(card: Card) -> None:
    """Print the texts of a prompt, each under its key, and what an answer is to hold."""
    import json

    from sracl.llm_providers.replies import schema
    from sracl.registry.prompt import PromptTemplate

    template = PromptTemplate.of(card)
    texts = {"system": (template.system,), "user": template.user, "item": template.item, "line": template.line}
    for key, parts in texts.items():
        if parts:
            print(f"\n{key}")
            print("\n".join(f"  {line}" for part in parts for line in part.splitlines()))
    print(f"\n{{answer}}\n  {template.asks('{domain}')}")
    if (expected := schema(template.form)) is not None:
        print(f"\nschema of an answer\n  {json.dumps(expected, ensure_ascii=False)}")
