"""Amazon's reviews of the 2014 release: `reviews_X_5.json.gz` and `meta_X.json.gz`."""

from __future__ import annotations

import re
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

_ASIN = re.compile(r"""["']asin["']\s*:\s*["']([^"']+)["']""")


class Amazon:
    """One review or product a line; all ratings count, as in SRA-CL and the papers it compares with.

    Source: He and McAuley 2016, doi:10.1145/2872427.2883037; https://jmcauley.ucsd.edu/data/amazon/.
    """

    title = "Amazon's reviews and metadata of 2014 (reviews_X_5.json.gz, meta_X.json.gz)"

    def role(self, path: Path, head: str, columns: Columns) -> Role | None:
        """By the keys of its first object."""
        keys = head_keys(head)
        if keys >= {"reviewerID", "asin", "unixReviewTime"}:
            return "interactions"
        return "items" if "asin" in keys and "reviewerID" not in keys else None

    def events(self, path: Path, columns: Columns) -> Events:
        """Who reviewed what on which day."""
        return Events.of(
            (
                field(review, "reviewerID", where),
                field(review, "asin", where),
                seconds(review.get("unixReviewTime"), where),
                value_of(review, columns, where),
            )
            for where, review in records(path)
        )

    def texts(self, path: Path, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
        """Titles, brands, categories without the one that all share, descriptions and prices."""
        found: dict[str, ItemText] = {}
        # parsing a literal takes 0.5 ms, fourteen times as long as looking for its name; of Beauty's, one in twenty is wanted
        for where, product in records(path, only=lambda line: any(name in wanted for name in _ASIN.findall(line))):
            name = field(product, "asin", where)
            if name in wanted:
                found.setdefault(name, _text(product))
        return found


def _text(product: dict[str, Any]) -> ItemText:
    paths = product.get("categories")
    price = product.get("price")
    return ItemText(
        title=_words(product.get("title")),
        brand=_words(product.get("brand")),
        categories=_below_the_first(paths if isinstance(paths, list) else []),
        description=_words(product.get("description")),
        attributes={"price": f"{price:g}"} if isinstance(price, int | float) else {},
    )


def _below_the_first(paths: list[Any]) -> tuple[str, ...]:
    """Every category once, in the order of the paths that name it; the first of a path is the whole department."""
    return tuple(dict.fromkeys(_words(name) for path in paths if isinstance(path, list) for name in path[1:] if _words(name)))


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""
