"""Section "Report": who reads, which formats, where to."""

from __future__ import annotations

from pathlib import Path

import ctk
import qt
import slicer

from LNStationLib.support.language import language_title, languages
from LNStationSlicer.case.Parameters import REPORT_FORMATS, reportFormats
from LNStationSlicer.exchange.PetExchange import instanceUids
from LNStationSlicer.panel.Section import ParameterBinding, Section, chooseKey, comboKey, fillCombo
from LNStationSlicer.support.DicomIndexing import DicomIndexing
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.OutputJobs import DicomJob, ReportJob

_BOUND = (*(f"{name}Check" for name in REPORT_FORMATS), "identifiersCheck")
SIGN_AND_WRITE_KEY = "Ctrl+Return"
_OPENED_FIRST = (".pdf", ".html", ".json", ".csv")


class ReportSection(Section):
    """Writes the report and opens it."""

    def setUp(self) -> None:
        """A report goes into a new folder each time, so nothing is overwritten."""
        ui = self.ui
        self._binding = ParameterBinding(ui, _BOUND)
        self._files: list[Path] = []
        fillCombo(ui.reportLanguageCombo, [(language, language_title(language)) for language in languages()])
        ui.reportLanguageCombo.connect("currentIndexChanged(int)", self._onLanguage)
        ui.reportFolderEdit.filters = ctk.ctkPathLineEdit.Dirs
        ui.reportFolderEdit.currentPath = str(Path.home())
        # At each key: an edit may be logged while the cursor is still in the field.
        ui.readerEdit.connect("textEdited(QString)", self._onReader)
        ui.reportFolderEdit.connect("currentPathChanged(QString)", self._onFolder)
        for name in REPORT_FORMATS:
            getattr(ui, f"{name}Check").connect("toggled(bool)", self._onFormats)
        ui.writeReportButton.clicked.connect(self.onWrite)
        ui.openReportButton.clicked.connect(self.onOpen)
        ui.signButton.clicked.connect(self.onSign)
        ui.signAndWriteButton.clicked.connect(self.onSignAndWrite)
        self.addShortcut(ui.reportSection.window(), qt.Qt.WindowShortcut, SIGN_AND_WRITE_KEY, self.onSignAndWrite)
        self.logic.outputs.reportWritten.connect(self._onWritten)
        ui.copyTextButton.clicked.connect(self.onCopy)
        self.logic.outputs.textWritten.connect(self._onText)
        ui.dicomButton.clicked.connect(self.onDicom)
        ui.showDicomButton.clicked.connect(self.onShowDicom)
        self._indexing = DicomIndexing(self._onIndexed)
        self.logic.outputs.dicomWritten.connect(self._onDicomWritten)

    def connectParameters(self) -> None:
        """Formats and identifiers."""
        parameters = self.logic.getParameterNode()
        self._binding.connect(parameters)
        if parameters.reportFolder:
            self.ui.reportFolderEdit.currentPath = parameters.reportFolder
        chooseKey(self.ui.reportLanguageCombo, parameters.reportLanguage)

    def disconnectParameters(self) -> None:
        """Before the scene goes."""
        self._binding.disconnect()

    def cleanup(self) -> None:
        """The same for good."""
        self._binding.disconnect()
        self._indexing.stop()
        super().cleanup()

    def refresh(self) -> None:
        """Show the reader, and whether a report can be written."""
        ui, case = self.ui, self.logic.case
        with self.refreshing():
            reader = case.review().reader if case else self.logic.getParameterNode().reader
            if ui.readerEdit.text != reader and not ui.readerEdit.hasFocus():
                ui.readerEdit.text = reader
        problem = self._problem()
        ui.writeReportButton.enabled = not problem
        ui.writeReportButton.toolTip = problem or _("Write the report into a new folder.")
        ui.openReportButton.enabled = bool(self._files)
        silenced = self._problem(needsFormat=False)
        ui.copyTextButton.enabled = not silenced
        ui.copyTextButton.toolTip = silenced or _("The report as plain text for your information system.")
        unable = self._dicomProblem()
        ui.dicomButton.enabled = not unable
        ui.dicomButton.toolTip = unable or _(
            "Segmentations, structured report and RT structure set, and the last PDF report, into the CT's study."
        )
        self._refreshSignature(problem)

    def _refreshSignature(self, problem: str) -> None:
        ui, case = self.ui, self.logic.case
        when, unsigned = case.review().signed() if case else None, self._signProblem()
        ui.signButton.enabled = not unsigned and when is None
        ui.signAndWriteButton.enabled = not problem and (when is not None or not unsigned)
        for button in (ui.signButton, ui.signAndWriteButton):
            button.toolTip = unsigned or _(
                "Sign calls, notes and corrections as they stand (Ctrl+Return: and write)."
            )
        if when is not None and case is not None:
            ui.signedLabel.text = _("Signed by {reader} at {time}.").format(reader=case.review().reader, time=when)
        else:
            ui.signedLabel.text = _("A draft. {problem}").format(problem=unsigned).strip()

    def _signProblem(self) -> str:
        """Why the review cannot be signed now; empty where it can."""
        case = self.logic.case
        if case is None or not case.isAssessed:
            return _("Assess the case first.")
        review = case.review()
        if self.logic.modelHidden():
            return _("Finish the blind first read first.")
        if not review.calls():
            return _("Call the stations first.")
        if review.stale() or review.organs.stale() or review.nodes.stale():
            return _("Re-assess what was edited first.")
        if not (self.ui.readerEdit.text.strip() or review.reader):
            return _("Enter your name first.")
        return "" if review.nCategory() is not None else _("Your N category is being derived.")

    def _problem(self, needsFormat: bool = True) -> str:
        """Why no report can be written now; empty where one can."""
        case = self.logic.case
        if case is None or not case.isAssessed:
            return _("Assess the case first.")
        if self.logic.modelHidden():
            return _("The report shows the model's calls: finish the blind first read first.")
        if any(isinstance(job, ReportJob) for job in self.logic.queue.jobs()):
            return _("A report is being written.")
        if needsFormat and not reportFormats(self.logic.getParameterNode()):
            return _("Choose a format.")
        return ""

    def onCopy(self) -> None:
        """Put the report into the clipboard, once the worker has written it."""
        self._onReader()
        self.logic.outputs.writeText(comboKey(self.ui.reportLanguageCombo))

    def _onText(self, text: str) -> None:
        qt.QApplication.clipboard().setText(text)
        self.message.emit(_("The report is in the clipboard: paste it into your information system."))

    def _folder(self) -> Path | None:
        """Where new folders are made; says where there is no such place."""
        folder = Path(self.ui.reportFolderEdit.currentPath).expanduser()
        if folder.is_dir():
            return folder
        self.message.emit(_("There is no folder {folder}: choose another.").format(folder=folder))
        return None

    def onWrite(self) -> None:
        """Write the report."""
        folder = self._folder()
        if folder is None:
            return
        self._onReader()
        parameters = self.logic.getParameterNode()
        language = comboKey(self.ui.reportLanguageCombo)
        self.logic.outputs.writeReport(folder, reportFormats(parameters), parameters.identifiers, language)
        self.refresh()

    def _dicomProblem(self) -> str:
        """Why nothing can be exported as DICOM now; empty where it can."""
        case, database = self.logic.case, getattr(slicer, "dicomDatabase", None)
        if case is None or not case.isAssessed:
            return _("Assess the case first.")
        if self.logic.modelHidden():
            return _("The objects hold the model's calls: finish the blind first read first.")
        if any(isinstance(job, DicomJob) for job in self.logic.queue.jobs()):
            return _("DICOM objects are being written.")
        if database is None or not instanceUids(case.ctNode()):
            return _("The CT was not loaded from Slicer's DICOM database: there is no study for the objects to join.")
        return ""

    def onDicom(self) -> None:
        """Write DICOM objects and take them into the database."""
        folder = self._folder()
        if folder is not None:
            self._onReader()
            pdf = next((file for file in self._files if file.suffix == ".pdf" and file.is_file()), None)
            self.logic.outputs.exportDicom(folder, pdf)
            self.refresh()

    def _onDicomWritten(self, job: DicomJob) -> None:
        said = _("{count} DICOM objects written to {folder}; adding them to the database.")
        self.message.emit(" ".join([said.format(count=len(job.files), folder=job.folder), *job.warnings]))
        self._indexing.add(job.folder, slicer.dicomDatabase)
        self.refresh()

    def _onIndexed(self, count: int) -> None:
        said = _("{count} DICOM objects added to the study of the CT; load them in the DICOM module.")
        self.message.emit(said.format(count=count))
        self.ui.showDicomButton.visible = True

    def onShowDicom(self) -> None:
        """The DICOM module, where the new series stand in the study of the CT and can be loaded."""
        slicer.util.selectModule("DICOM")

    def onSign(self) -> None:
        """Sign."""
        self._onReader()
        problem = self._signProblem()
        if problem:
            self.message.emit(problem)
        elif self.logic.requireCase().review().signed() is None:
            self.logic.reader.sign()

    def onSignAndWrite(self) -> None:
        """Sign where that is still to be done, and write the report."""
        if self.logic.case is None:
            return
        self.onSign()
        problem = self._problem()
        if self.logic.requireCase().review().signed() is not None:
            self.message.emit(problem)
            if not problem:
                self.onWrite()

    def onOpen(self) -> None:
        """Open the most readable of the files with what the system opens it with."""
        order = {ending: place for place, ending in enumerate(_OPENED_FIRST)}
        best = min(self._files, key=lambda file: order.get(file.suffix, len(order)))
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(best)))

    def _onWritten(self, files: list[Path]) -> None:
        self._files = [file for file in files if file.is_file()]
        if self._files:
            self.message.emit(_("Report written to {folder}").format(folder=self._files[0].parent))
        self.refresh()

    def _onReader(self) -> None:
        name = self.ui.readerEdit.text.strip()
        self.logic.getParameterNode().reader = name
        if self.logic.review is not None and self.logic.review.reader != name:
            self.logic.review.reader = name
        # A name may have been all that a signature lacked.
        self._refreshSignature(self._problem())

    def _onFolder(self) -> None:
        self.logic.getParameterNode().reportFolder = self.ui.reportFolderEdit.currentPath

    def _onLanguage(self) -> None:
        self.logic.getParameterNode().reportLanguage = comboKey(self.ui.reportLanguageCombo)

    def _onFormats(self) -> None:
        # The bound parameter may learn of the change after us.
        qt.QTimer.singleShot(0, self.refresh)
