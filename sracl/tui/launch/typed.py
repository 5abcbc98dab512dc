"""Settings that were typed for recipes, before any of them is run."""

from __future__ import annotations


class Typed:
    """Settings `path=value` of each recipe, in the order in which they were typed; a path has one at most."""

    def __init__(self) -> None:
        self._of: dict[str, list[str]] = {}

    def of(self, recipe: str | None) -> tuple[str, ...]:
        """Those of a recipe; none of no recipe."""
        return tuple(self._of.get(recipe or "", ()))

    def add(self, recipe: str, path: str, value: str) -> None:
        """Set a path, in place of what it was set to before."""
        self._of[recipe] = [*(known for known in self.of(recipe) if path_of(known) != path), f"{path}={value}"]

    def take_back(self, recipe: str | None, path: str | None) -> bool:
        """Forget the setting of a path, or else the one that was typed last; whether there was any."""
        sets = self.of(recipe)
        if not sets:
            return False
        gone = next((setting for setting in sets if path_of(setting) == path), sets[-1])
        self._of[recipe or ""] = [setting for setting in sets if setting != gone]
        return True


def path_of(setting: str) -> str:
    """What a setting `path=value` sets."""
    return setting.partition("=")[0]
