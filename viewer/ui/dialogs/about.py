"""What Tomolens is, what it is not, and whose work it stands on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata

from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.settings import NAME, NOTICE, application_version
from viewer.ui.widgets.basics import label

# Distribution name -> licence, as the project's own documents say it.
LIBRARIES = {
    "PySide6-Essentials": "LGPL-3.0",
    "vtk": "BSD-3-Clause",
    "torch": "BSD-3-Clause",
    "openvino": "Apache-2.0; oneTBB Apache-2.0",
    "safetensors": "Apache-2.0",
    "monai": "Apache-2.0",
    "SimpleITK": "Apache-2.0",
    "pydicom": "MIT",
    "h5py": "BSD-3-Clause",
    "highdicom": "MIT",
    "python-gdcm": "BSD-3-Clause",
    "pylibjpeg": "MIT",
    "pylibjpeg-openjpeg": "MIT; OpenJPEG BSD-2-Clause",
    "pylibjpeg-rle": "MIT",
    "pyjpegls": "MIT; CharLS BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "scikit-image": "BSD-3-Clause",
    "psygnal": "BSD-3-Clause",
    "magicgui": "MIT",
    "docstring_parser": "MIT",
    "qtawesome": "MIT; Remix Icon Apache-2.0",
    "pyqtgraph": "MIT",
    "typer": "MIT",
    "rich": "MIT",
    "platformdirs": "MIT",
    "PyYAML": "MIT",
    "psutil": "BSD-3-Clause",
}


class AboutDialog(QDialog):
    """Version, notice, and the libraries with their licences."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"About {NAME}")
        table = QTableWidget(0, 3)
        table.setAccessibleName("Libraries")
        table.setHorizontalHeaderLabels(["Library", "Version", "Licence"])
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        for library, licence in LIBRARIES.items():
            row = table.rowCount()
            table.insertRow(row)
            for column, text in enumerate((library, _version(library), licence)):
                table.setItem(row, column, QTableWidgetItem(text))
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setStretchLastSection(True)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(8)
        layout.addWidget(label(f"{NAME} {application_version()}", "title"))
        layout.addWidget(label(NOTICE, "warning"))
        layout.addWidget(label("Apache License 2.0. It stands on the work of many:", "dim"))
        layout.addWidget(table, 1)
        layout.addWidget(close)
        self.resize(520, 560)


def _version(library: str) -> str:
    try:
        return metadata(library)["Version"]
    except PackageNotFoundError:
        return "not installed"
