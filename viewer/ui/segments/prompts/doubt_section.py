"""What is known of the mask that prompts found: predicted Dice, what to look at, its doubt map, the place to go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label, tabular

if TYPE_CHECKING:
    from viewer.ui.segments.prompts.doubt_controller import PromptDoubtController

CHANGED = "How far the mask can be trusted is not known: its method does not tell, or it was changed since."
JUMP = "The last prompt left little of the mask before it (Dice {:.2f}): undo it (Ctrl+Z) if the mask got worse."
WHENCE = (
    "The Dice with the structure that was meant, as the method expects it of its own answer, less what islands and "
    "holes could cost. Told without the truth: look at the mask."
)


class PromptDoubtSection(QWidget):
    """Hidden while the chosen segment has no prompts."""

    def __init__(self, controller: PromptDoubtController) -> None:
        super().__init__()
        self.controller = controller
        self.dice, self.flags = label(wrap=False), label(role="warning")
        self.dice.setFont(tabular(self.dice.font()))
        self.dice.setToolTip(WHENCE)
        self.map = QCheckBox("Doubt map")
        self.map.setToolTip("Show where the edge is doubtful, over the image (Alt+Shift+A)")
        self.place = button("Most doubtful place", "focus-2", controller.visit, colour=theme.TEXT)
        self.place.setToolTip("Take every view to where the next prompt helps most (Shift+A)")
        self.note = label(CHANGED, "dim")
        self.mark, self.jump = label(role="ai"), label(role="warning")
        head = QHBoxLayout()
        head.addWidget(self.dice, 1)
        head.addWidget(self.map)
        self._known = QWidget()
        known = QVBoxLayout(self._known)
        known.setContentsMargins(0, 0, 0, 0)
        known.addLayout(head)
        known.addWidget(self.flags)
        known.addWidget(self.place)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.mark)
        whole.addWidget(self.jump)
        whole.addWidget(self._known)
        whole.addWidget(self.note)
        self.map.clicked.connect(controller.flip_map)
        controller.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show what is known of the chosen segment."""
        layer, segment, found = self.controller.segments.layer, self.controller.segments.segment, self.controller.doubt
        mark = layer.review_mark(segment) if layer and segment else ""
        self.mark.setText(f"{mark}: accept it when it is right (Ctrl+R).")
        self.mark.setVisible(bool(mark))
        jump = self.controller.jump
        self.jump.setText("" if jump is None else JUMP.format(jump))
        self.jump.setVisible(jump is not None)
        self.setVisible(segment is not None and bool(segment.prompts))
        self._known.setVisible(found is not None)
        self.note.setVisible(found is None)
        with QSignalBlocker(self.map):
            self.map.setChecked(self.controller.shown)
        if found is not None:
            dice = found.doubt.dice
            self.dice.setText("Predicted Dice –" if dice is None else f"Predicted Dice {dice:.2f}")
            self.flags.setText("\n".join(flag.sentence for flag in found.doubt.flags))
            self.flags.setVisible(bool(found.doubt.flags))
