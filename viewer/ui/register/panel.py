"""The registration panel: two images, the ways to align them, and the assessment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.ui.register.align import AlignSection
from viewer.ui.register.compare import ComparisonSection
from viewer.ui.register.controller import RegistrationController
from viewer.ui.register.landmarks import LandmarksSection
from viewer.ui.register.pair import PairSection
from viewer.ui.register.quality.assessment import Assessor
from viewer.ui.register.quality.label_choice import LabelChoice
from viewer.ui.register.quality.section import QualitySection
from viewer.ui.register.quality.sign_off_section import SignOffSection
from viewer.ui.register.result import ResultSection
from viewer.ui.widgets.section_column import SectionColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from viewer.session.session import Session


class RegisterPanel(SectionColumn):
    """show_plugin: brings a plugin's page forward. values: of the plugins' parameters. controller: the verbs."""

    def __init__(
        self,
        session: Session,
        show_plugin: Callable[[str, Mapping[str, str]], object],
        values: Mapping[str, dict[str, Any]],
    ) -> None:
        super().__init__()
        self.setAccessibleName("Register")
        self.controller = RegistrationController(session, show_plugin, values)
        self.pair = PairSection(self.controller)
        self.align = AlignSection(self.controller, lambda: self.pair.agreed)
        self.pair.sure.toggled.connect(self.align.refresh)
        self.result = ResultSection(self.controller)
        self.compare = ComparisonSection(self.controller)
        self.landmarks = LandmarksSection(self.controller)
        self.labels = LabelChoice(self.controller)
        self.assessor = Assessor(self.controller, lambda: self.labels.labels)
        self.quality = QualitySection(self.assessor, self.labels)
        self.sign_off = SignOffSection(self.assessor)
        self.add(
            self.pair, self.align, self.compare, self.landmarks, self.result, self.quality, self.sign_off,
        )  # fmt: skip
