"""The inspector: panels behind tabs. Every tab has its icon, the chosen one its title, too: so all are in sight."""

from __future__ import annotations

from PySide6.QtWidgets import QTabWidget, QWidget

from viewer.ui.widgets import theme


class Inspector(QTabWidget):
    """Tabs in the order in which they are added."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[str] = []
        self.setDocumentMode(True)
        self.setAccessibleName("Inspector")
        self.currentChanged.connect(self._entitle)

    def add(self, panel: QWidget, title: str, icon: str) -> None:
        """Add a panel as the last tab."""
        self.titles.append(title)
        place = self.addTab(panel, theme.icon(icon), "")
        self.setTabToolTip(place, f"{title} (Ctrl+Alt+{place + 1})")
        self.tabBar().setAccessibleTabName(place, title)
        self._entitle()

    def bring(self, place: int) -> None:
        """Bring a panel forward, and the keyboard to it."""
        self.setCurrentIndex(place)
        self.currentWidget().setFocus()

    def _entitle(self) -> None:
        for place, title in enumerate(self.titles):
            self.setTabText(place, title if place == self.currentIndex() else "")
