from __future__ import annotations

import pytest

from sracl.errors import PluginError
from sracl.objectives.width import refuse_other_width


def test_another_width_is_told_with_what_to_set() -> None:
    refuse_other_width(32, 32)
    with pytest.raises(PluginError, match="an objective has hidden_size = 64, but .* 32 wide; set its hidden_size to 32 too"):
        refuse_other_width(64, 32)
    with pytest.raises(PluginError, match="^cloze has hidden_size = 16"):
        refuse_other_width(16, 8, objective="cloze")
