"""The N category of esophageal cancer as a method of the staging step."""

from __future__ import annotations

from LNStationLib.staging.answer import NCategoryAnswer
from LNStationLib.staging.conclusion import concluded, is_higher, positive_nodes
from LNStationLib.staging.esophagus import esophagus_n_category, esophagus_n_lower_bound
from LNStationLib.staging.method import StagingInput
from LNStationLib.state.assessment import NStaging
from LNStationLib.state.method import MethodOptions, NoOptions
from LNStationLib.state.needs import ESOPHAGEAL_CANCER, Need


class EsophagusStaging:
    """The number of positive nodes gives the category, or positive stations its lower bound."""

    name = "esophagus"
    title = "Esophageal cancer"
    options: type[MethodOptions] = NoOptions
    needs: tuple[Need, ...] = (ESOPHAGEAL_CANCER,)
    references: tuple[str, ...] = ("AJCC/UICC, 8th edition, esophagus",)
    package_task: str | None = None

    def check(self, options: MethodOptions) -> None:
        """Rules need nothing."""

    def rules(self, options: MethodOptions) -> str:
        """Name of the rule set."""
        return "ajcc8_esophagus"

    def rule_references(self, options: MethodOptions) -> tuple[str, ...]:
        """Edition and source of the rule set."""
        return self.references

    def run(self, given: StagingInput, options: MethodOptions) -> NStaging:
        """Stage a patient; see :class:`LNStationLib.staging.method.StagingMethod`."""
        return concluded(given, _answer(given), self.rules(options), may_rise=bool(given.not_assessed))


def _answer(given: StagingInput) -> NCategoryAnswer:
    """The higher of the node count's category and the stations' lower bound (a station positive by SUV alone)."""
    by_stations, n_positive = esophagus_n_lower_bound(given.positive_stations), positive_nodes(given.nodes)
    if n_positive is None:
        return by_stations
    by_nodes = esophagus_n_category(n_positive)
    return by_stations if is_higher(by_stations.category, by_nodes.category) else by_nodes
