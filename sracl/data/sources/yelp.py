"""The Yelp Open Dataset as JSON: reviews and businesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.data.sources.events import Events
from sracl.data.sources.records import field, head_keys, records, value_of
from sracl.data.sources.times import seconds
from sracl.interfaces import ItemText

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from sracl.data.sources.columns import Columns
    from sracl.data.sources.form import Role

_ATTRIBUTES = ("city", "state")


class Yelp:
    """One review or business a line.

    Source: https://www.yelp.com/dataset, documentation of the JSON files.
    """

    title = "the Yelp dataset as JSON (yelp_academic_dataset_review.json, yelp_academic_dataset_business.json)"

    def role(self, path: Path, head: str, columns: Columns) -> Role | None:
        """By the keys of its first object."""
        keys = head_keys(head)
        if keys >= {"review_id", "user_id", "business_id", "date"}:
            return "interactions"
        return "items" if keys >= {"business_id", "name", "categories"} else None

    def events(self, path: Path, columns: Columns) -> Events:
        """Who reviewed what, to the second."""
        return Events.of(
            (
                field(review, "user_id", where),
                field(review, "business_id", where),
                seconds(review.get("date"), where),
                value_of(review, columns, where),
            )
            for where, review in records(path)
        )

    def texts(self, path: Path, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
        """Names, categories, cities and states."""
        found: dict[str, ItemText] = {}
        for where, business in records(path):
            name = field(business, "business_id", where)
            if name in wanted:
                found.setdefault(name, _text(business))
        return found


def _text(business: dict[str, Any]) -> ItemText:
    return ItemText(
        title=str(business.get("name") or ""),
        categories=tuple(filter(None, (part.strip() for part in str(business.get("categories") or "").split(",")))),
        attributes={key: str(business[key]) for key in _ATTRIBUTES if business.get(key)},
    )
