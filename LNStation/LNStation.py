"""LNStation in 3D Slicer: the four classes that Slicer looks for. What they do is in ``LNStationSlicer``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import slicer

# Before anything that an older Slicer lacks, which would only say what could not be imported.
_slicerVersion = (int(slicer.app.majorVersion), int(slicer.app.minorVersion))
if _slicerVersion < (5, 10):
    raise ImportError("LNStation needs Slicer 5.10 or later; this is Slicer {}.{}.".format(*_slicerVersion))

from slicer.i18n import tr as _  # noqa: E402
from slicer.i18n import translate  # noqa: E402
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest  # noqa: E402

# Slicer reloads this file on "Reload", but not what it imports.
for _name in [name for name in sys.modules if name.partition(".")[0] == "LNStationSlicer"]:
    del sys.modules[_name]

from LNStationSlicer.support.LibraryPath import ensureLibraryOnPath  # noqa: E402

ensureLibraryOnPath(Path(__file__).resolve().parent)

from LNStationSlicer.exchange.Terminology import registerTerminology  # noqa: E402
from LNStationSlicer.Logic import Logic  # noqa: E402
from LNStationSlicer.panel.Widget import Widget  # noqa: E402
from LNStationSlicer.worker.SampleCases import registerSampleCases  # noqa: E402


class LNStation(ScriptedLoadableModule):
    """Describes the module to Slicer."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("LNStation: lymph node stations")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "SubjectHierarchy", "Terminologies", "Texts", "Tables", "Volumes"]
        parent.contributors = ["LNStation contributors"]
        parent.helpText = _(
            "Thoracic lymph node stations on CT and PET/CT: finds the stations of the IASLC map and their nodes, "
            "calls each station, derives the N category and writes a report. Stations can be corrected and are then "
            "assessed again.<p><b>Research use only. Not a medical device; not for clinical decisions.</b></p>"
        )
        parent.acknowledgementText = _(
            "Stations follow the IASLC lymph node map (Rusch et al., J Thorac Oncol 2009;4:568-577). Methods and "
            "their papers are named in each report."
        )
        slicer.app.connect("startupCompleted()", self._onStartup)

    def _onStartup(self) -> None:
        # Scenes and DICOM segmentations of ours are read right even if the module is never opened.
        registerTerminology(slicer.modules.terminologies.logic())
        registerSampleCases(Path(self.resourcePath("Icons")), openSample)


def openSample(key: str) -> None:
    """Go to the module and let it make a sample patient; called by the module Sample Data."""
    if slicer.util.mainWindow() is not None:
        slicer.util.selectModule("LNStation")
    slicer.modules.lnstation.widgetRepresentation().self().openSample(key)


class LNStationWidget(Widget):
    """The panel."""


class LNStationLogic(Logic):
    """The module without its panel."""


LNStationWidget.logicClass = LNStationLogic


class LNStationTest(ScriptedLoadableModuleTest):
    """Drives the panel through a case, as a person would."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Everything, on a patient small enough to wait for."""
        from LNStationSlicer.panel.SelfTest import SelfTest

        self.setUp()
        SelfTest(self).run()
