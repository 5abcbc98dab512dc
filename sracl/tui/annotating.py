"""What is said of runs from the terminal, their tags and notes: commands of `sracl`, carried out beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work

from sracl.plain import on_one_line
from sracl.tracking import queries, tags
from sracl.tui.steering import SteeringScreen
from sracl.tui.widgets.note_box import NoteBox
from sracl.tui.widgets.tag_box import TagBox
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class AnnotatingScreen(SteeringScreen):
    """A screen whose keys give tags to runs, and write their notes."""

    WRITES = SteeringScreen.WRITES | {"tag", "note"}

    @work(thread=True, exclusive=True, group="annotating", exit_on_error=False)
    def ask_for_tags(self, run_ids: Sequence[str]) -> None:
        """Ask which tags to give to runs and to take from them, and do that.

        Args:
            run_ids: The runs; those that were removed meanwhile are left out.
        """
        with self.reader() as store:
            found = {run.id: run.tags for run in queries.runs(store, ids=run_ids)}
            known = tags.counts(store)
        self.app.call_from_thread(self._ask_for_tags, found, known)

    def _ask_for_tags(self, found: Mapping[str, Sequence[str]], known: Collection[str]) -> None:
        if not (self.is_current and found):
            return

        def change(words: Sequence[str] | None) -> None:
            if words:
                self.carry_out(["tag", *found, *words], f"{_named(list(found))}: {' '.join(words)}")

        self.app.push_screen(TagBox(f"Tags of {_named(list(found))}", list(found.values()), known), change)

    @work(thread=True, exclusive=True, group="annotating", exit_on_error=False)
    def ask_for_note(self, run_id: str) -> None:
        """Ask for the note of a run, and keep it."""
        with self.reader() as store:
            found = queries.runs(store, ids=[run_id])
        if found:
            self.app.call_from_thread(self._ask_for_note, run_id, found[0].note)

    def _ask_for_note(self, run_id: str, before: str) -> None:
        if not self.is_current:
            return

        def keep(text: str | None) -> None:
            if text is not None and text != before:
                told = f"Run {run_id}: {on_one_line(text)}" if text else f"Run {run_id} has no note any more."
                self.carry_out(["note", run_id, "--", text], told)

        self.app.push_screen(NoteBox(run_id, before), keep)


def _named(run_ids: Sequence[str]) -> str:
    return f"run {run_ids[0]}" if len(run_ids) == 1 else how_many(len(run_ids), "run")
