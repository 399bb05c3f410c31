"""The bar at the bottom: value under the mouse, messages with their cure, jobs, device and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStatusBar, QWidget

from viewer.data.grid import LETTERS
from viewer.files.memory_limit import total_memory
from viewer.scene.task import Message, Severity, Task
from viewer.ui.dialogs.errors import ICONS
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import Bar, Elided, button, set_role, tabular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from viewer.compute.devices import Device
    from viewer.session.session import Session
    from viewer.tools.navigate.value_probe import ProbeValue

STAYS = {"info": 10_000, "warning": 30_000, "error": 0}  # ms a message is shown; 0: until the next one
MEMORY_EVERY = 2_000  # ms
KEPT = 200  # messages


class StatusBar(QStatusBar):
    """messages: all that was said, oldest first. jobs_asked, messages_asked: the user wants to see them."""

    jobs_asked = Signal()
    messages_asked = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.messages: list[Message] = []
        self._device = ""
        self.setSizeGripEnabled(False)
        self.setAccessibleName("Status")
        self.reading = QLabel()
        self.reading.setAccessibleName("Value under the mouse")
        self.reading.setFont(tabular(self.font()))
        self.message = Elided()
        self.message.setAccessibleName("Message")
        self.cure = button("", "", self._cure, "quiet")
        self.jobs = _JobsSummary(session)
        self.jobs.clicked.connect(self.jobs_asked)
        self.list = button("", "message", self.messages_asked.emit, "quiet")
        self.list.setAccessibleName("Messages")
        self.memory = QLabel()
        self.memory.setAccessibleName("Device and memory")
        self.memory.setFont(tabular(self.font()))
        set_role(self.memory, "dim")
        self.addWidget(self.reading, 3)
        middle = QWidget()
        line = QHBoxLayout(middle)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.message, 1)
        line.addWidget(self.cure)
        self.addWidget(middle, 4)
        for part in (self.jobs, self.list, self.memory):
            self.addPermanentWidget(part)
        self._silence = QTimer(self, singleShot=True)
        self._silence.timeout.connect(self._clear)
        self._clock = QTimer(self, interval=MEMORY_EVERY)
        self._clock.timeout.connect(self._measure)
        self._clock.start()
        self._process = psutil.Process()
        session.messages.added.connect(self.show_message)
        self._clear()
        self._count()
        self._measure()

    # ---- messages
    def say(self, text: str, severity: Severity = "info") -> None:
        """Show a sentence."""
        self.show_message(Message(text, severity))

    def show_message(self, message: Message) -> None:
        """Say it for a while; it stays in the list."""
        self.messages = [*self.messages, message][-KEPT:]
        self.message.say(message.text)
        set_role(self.message, {"info": "", "warning": "warning", "error": "danger"}[message.severity])
        self.cure.setText(message.cure)
        self.cure.setVisible(bool(message.cure and message.action))
        self._silence.stop()
        if STAYS[message.severity]:
            self._silence.start(STAYS[message.severity])
        self._count()

    def _clear(self) -> None:
        self.message.say("")
        self.cure.hide()

    def _cure(self) -> None:
        action = self.messages[-1].action
        self._clear()
        if action:
            action()

    def _count(self) -> None:
        serious = [message for message in self.messages if message.severity != "info"]
        worst: Severity = "error" if any(one.severity == "error" for one in serious) else "warning"
        name, colour = ICONS[worst] if serious else ("message", "dim")
        self.list.setIcon(theme.icon(name, theme.NAMES[colour]))
        self.list.setText(str(len(serious)) if serious else "")
        self.list.setToolTip("Messages (Ctrl+M)")

    # ---- facts
    def show_reading(self, reading: ProbeValue | None) -> None:
        """The values under the mouse; none where it is over no image."""
        self.reading.setText(describe(reading) if reading else "")

    def show_devices(self, devices: Sequence[Device]) -> None:
        """What plugins compute on; a graphics card that cannot be used is said once, with the cure."""
        usable = [device for device in devices if not device.cure]
        self._device = usable[-1].name if usable else ""
        self.memory.setToolTip("\n".join(f"{one.name}: {one.cure or text_format.size(one.memory)}" for one in devices))
        for device in devices:
            if device.cure:
                self.say(f"{device.name} cannot be used: {device.cure}", "warning")
        self._measure()

    def _measure(self) -> None:
        family = [self._process, *self._process.children(recursive=True)]
        used = sum(_resident(process) for process in family)
        total = total_memory()
        self.memory.setText(
            " · ".join(filter(None, (self._device, f"{text_format.size(used)} of {text_format.size(total)}")))
        )


class _JobsSummary(QPushButton):
    """How many jobs run, the latest one's name, time left, and a thin bar. Hidden while nothing runs."""

    def __init__(self, session: Session) -> None:
        super().__init__(theme.icon("job"), "")
        self.session = session
        self.setProperty("role", "quiet")
        self.setAccessibleName("Jobs")
        self.setToolTip("Show the jobs (Ctrl+J)")
        self.bar = Bar("Progress of the jobs")
        self.bar.setParent(self)
        session.tasks.added.connect(self._follow)
        for task in session.tasks:
            self._follow(task)
        self._show()

    def _follow(self, task: Task) -> None:
        for signal in (task.events.state, task.events.progress):
            signal.connect(self._show)
        self._show()

    def _show(self, *_: object) -> None:
        running = [task for task in self.session.tasks if task.running]
        self.setVisible(bool(running))
        if running:
            last = running[-1]
            left = f", {text_format.seconds(last.seconds_left)} left" if last.seconds_left else ""
            more = f" and {len(running) - 1} more" if len(running) > 1 else ""
            where = f" on the {text_format.device(last.device)}" if last.device else ""
            title = last.title.replace("&", "&&")  # of a button it would be the key
            self.setText(f"{title}{where}{more}, {last.progress:.0%}{left}")
            self.bar.advance(last.progress)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.bar.setGeometry(8, self.height() - 3, self.width() - 16, 2)


def describe(reading: ProbeValue) -> str:
    """Place, values, segments: "L 12.3  P 4.0  H 33.5 mm · CT 57 HU · liver"; column and row where no side is known."""
    if reading.values[-1][0].volumes[0].grid.placed:
        place = "  ".join(f"{LETTERS[axis][mm < 0]} {abs(mm):.1f}" for axis, mm in enumerate(reading.world))
        parts = [f"{place} mm"]
    else:
        parts = [f"column {reading.index[2]}, row {reading.index[1]}"] if reading.index else ["outside"]
    for layer, value in reading.values:
        unit = text_format.unit(layer.volumes[0].unit)
        parts.append(f"{layer.name} {_value(value)} {unit}".rstrip())
    parts += dict.fromkeys(segment.name for segment in reading.segments)
    return " · ".join(parts)


def _value(value: float | tuple[int, ...] | None) -> str:
    if value is None:
        return "outside"
    return text_format.number(value, 5) if isinstance(value, float) else "RGB " + " ".join(map(str, value))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it ended meanwhile
        return 0
