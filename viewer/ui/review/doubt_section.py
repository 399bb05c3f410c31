"""Structures by doubt: the list of a result's structures, and the buttons that decide on the chosen one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from viewer.session.review.structure_review import is_decided
from viewer.ui.review.doubt_list import DoubtList
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Bar, button, label

if TYPE_CHECKING:
    from viewer.ui.review.doubt_controller import DoubtController

EMPTY = "Run a model that labels structures, or prompt them: here they are reviewed, the most doubtful first."
HINT = "Click a row: every view goes to its most doubtful place."
NO_MAP = "Click a row: every view goes to its middle. There is no doubt map of this result."


class DoubtSection(QWidget):
    """correct_asked: the tools that change the chosen structure are wanted."""

    correct_asked = Signal()

    def __init__(self, controller: DoubtController) -> None:
        super().__init__()
        self.controller = controller
        self.list = DoubtList(controller)
        self.note = label(EMPTY, "dim")
        self.count, self.progress = label("", "dim", wrap=False), Bar("Structures that are reviewed")
        self.map = QCheckBox("Doubt map")
        self.map.setToolTip("Show how undecided the model is at each voxel (Shift+M)")
        self.next = button("Review next", "right", controller.visit_next, "primary", theme.CHROME)
        self.accept = button("Accept", "accepted", controller.accept)
        self.correct = button("Correct", "rename", self.correct_asked.emit)
        self.reject = button("Reject", "rejected", controller.reject)
        self.restore = button("As the model gave it", "reopen", controller.restore, "quiet")
        for one, tip in (
            (self.next, "The next structure that is not reviewed (R)"),
            (self.accept, "As it is now (Ctrl+R)"),
            (self.correct, "With prompts or the brush; then accept it (Ctrl+E)"),
            (self.reject, "Its voxels go; what the model gave is kept (Ctrl+Shift+R)"),
            (self.restore, "Bring back the structure as it came, to be reviewed anew"),
        ):
            one.setToolTip(tip)
        self._build()
        self.list.visited.connect(controller.visit)
        self.map.clicked.connect(controller.flip_map)
        controller.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the structures, how far their review is, and what can be done with the chosen one."""
        controller, structures, map = self.controller, self.controller.structures, self.controller.doubt_map
        chosen, decided = controller.structure, controller.decided
        self.list.refresh()
        for widget in (self.list, self.progress, self.count, self.map, self._buttons):
            widget.setVisible(bool(structures))
        placed = map is not None or any(one.mask_doubt for one in structures)
        self.note.setText((HINT if placed else NO_MAP) if structures else EMPTY)
        self.count.setText(f"{decided} of {len(structures)} reviewed")
        self.progress.advance(decided / max(len(structures), 1))
        with QSignalBlocker(self.map):
            self.map.setChecked(map is not None and map.visible)
        self.map.setEnabled(map is not None)
        self.next.setEnabled(decided < len(structures))
        self.accept.setEnabled(chosen is not None and not is_decided(chosen))
        self.correct.setEnabled(chosen is not None)
        self.reject.setEnabled(chosen is not None and chosen.review not in ("rejected", "source"))
        given = controller.layer is not None and controller.layer.given is not None
        self.restore.setEnabled(given and chosen is not None and chosen.review not in ("unreviewed", "accepted"))

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.count, 1)
        head.addWidget(self.map)
        self._buttons = QWidget()
        grid = QGridLayout(self._buttons)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.next, 0, 0, 1, 3)
        for column, one in enumerate((self.accept, self.correct, self.reject)):
            grid.addWidget(one, 1, column)
        grid.addWidget(self.restore, 2, 0, 1, 3)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.note)
        whole.addLayout(head)
        for part in (self.progress, self.list, self._buttons):
            whole.addWidget(part)
