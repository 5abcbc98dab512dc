from __future__ import annotations

import pytest

from sracl.data.interactions import Interactions
from sracl.interfaces import ItemText

SHOP = {
    "pen": ItemText(title="Blue pen", brand="Inkwell", categories=("Office", "Pens")),
    "ink": ItemText(title="Ink &amp; more \n ink", categories=("Office", "Ink")),
    "pad": ItemText(title="Paper pad", description="  Fifty sheets. "),
    "lamp": ItemText(brand="Lumen", categories=("Lamps",), attributes={"colour": "red", "size": " "}),
    "box": ItemText(),
}


@pytest.fixture
def shop() -> Interactions:
    """Two users: ann's x_1 … x_4 train, ben's x_1 x_2 do."""
    return Interactions.of(
        "shop",
        {"ann": ["pen", "ink", "box", "lamp", "pad", "box"], "ben": ["ink", "pad", "lamp", "pen"]},
        SHOP,
    )
