"""What each column of a table of stations, nodes, calls or edits is: one definition for every output.

Report, CSV files, console and the table in Slicer choose among these columns; title, unit, digits and meaning are the
same everywhere. A column is plain data, down to the place of its value in an assessment, so that the panel in Slicer
can receive it as JSON and read its values from the JSON of an assessment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from LNStationLib.export.wording import NOTHING, clean, number

Value = str | int | float | bool | Sequence[str] | Mapping[str, float] | None


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: Name in CSV files, with the unit of the value.
        title: What people read, without the unit.
        meaning: What the values say, and what an empty cell means; a tooltip.
        path: Where the value stands in a row: a field of the finding, then positions in it.
        short_title: For narrow tables; ``title`` where empty.
        abbreviation: Where a few characters fit, as in the panel in Slicer; ``title`` where empty.
        unit: Unit in which people read the value; empty where it has none.
        digits: Digits after the decimal point that people read; ``None`` for what is not a number.
        shown_per_value: Factor from the value to the number that people read, in ``unit``.
        separator: Between the items of a list in one CSV field.
    """

    key: str
    title: str
    meaning: str
    path: tuple[str | int, ...]
    short_title: str = ""
    abbreviation: str = ""
    unit: str = ""
    digits: int | None = None
    shown_per_value: float = 1.0
    separator: str = " "

    @property
    def heading(self) -> str:
        """Title and unit, as in ``"Volume, ml"``."""
        return with_unit(self.title, self.unit)

    @property
    def short_heading(self) -> str:
        """The same for a narrow table."""
        return with_unit(self.short_title or self.title, self.unit)

    def value(self, row: object) -> Value:
        """The value of a row, as the assessment holds it; ``None`` where it was not assessed or not measured.

        Args:
            row: The finding, call or edit that the column describes; ``None`` where there is none.
        """
        found: Any = row
        for step in self.path:
            if found is None:
                return None
            found = found[step] if isinstance(step, int) else getattr(found, step)
        value: Value = found
        return value

    def has_values(self, rows: Iterable[object]) -> bool:
        """Whether any row has a value."""
        return any(self.value(row) is not None for row in rows)

    def text(self, row: object, nothing: str = NOTHING) -> str:
        """The value as people read it, without its unit but for a percent sign; ``nothing`` where it is ``None``."""
        value = self.value(row)
        if value is None:
            return nothing
        if self.digits is not None and isinstance(value, int | float):
            sign = self.unit if self.unit == "%" else ""
            return number(value * self.shown_per_value, self.digits) + sign
        return clean(str(value))

    def plain(self) -> dict[str, Any]:
        """The column as JSON can hold it."""
        return {**asdict(self), "path": list(self.path)}


def with_unit(title: str, unit: str) -> str:
    """A title with the unit of its values; a percent sign stands behind each number and not in the heading."""
    return title if unit in ("", "%") else f"{title}, {unit}"


def columns(table: Iterable[Column], *keys: str) -> tuple[Column, ...]:
    """The columns of these keys, in this order.

    Raises:
        KeyError: The table has no such column.
    """
    by_key = {column.key: column for column in table}
    return tuple(by_key[key] for key in keys)


def _position(key: str, title: str, meaning: str, *path: str | int) -> tuple[Column, ...]:
    """A point's three columns: LPS x, y and z in mm."""
    axes = (("x", "to the patient's left"), ("y", "to the back"), ("z", "to the head"))
    return tuple(
        Column(
            f"{key}_{axis}_lps_mm",
            f"{title} {axis}",
            f"{meaning}: LPS {axis}, {way}.",
            (*path, n),
            unit="mm",
            digits=1,
        )
        for n, (axis, way) in enumerate(axes)
    )


_FIT_FOR_STAGING = (
    "No: the call rests on unconfirmed candidates of a method of low specificity, and no N category follows from it."
)

STATIONS: tuple[Column, ...] = (
    Column("station", "Station", "Station of the IASLC map.", ("station",)),
    Column("label_value", "Label value", "Value in stations.nii.gz.", ("label_value",), digits=0),
    Column("title", "Name", "Name of the station.", ("title",)),
    Column("zone", "Zone", "Zone of the IASLC map.", ("zone",)),
    Column("side", "Side", "The station's own side. Empty: it has none.", ("side",)),
    Column(
        "volume_ml",
        "Volume",
        "Volume of the station. Empty: the station was not found.",
        ("volume_ml",),
        abbreviation="ml",
        unit="ml",
        digits=1,
    ),
    *_position("centroid", "Centroid", "Center of mass of the station", "centroid_mm"),
    Column(
        "n_nodes", "Nodes", "Nodes found in the station. Empty: nodes were not looked for.", ("n_nodes",), digits=0
    ),
    Column(
        "largest_short_axis_mm",
        "Largest short axis",
        "Short axis of the largest node. Empty: there is no node.",
        ("largest_short_axis_mm",),
        short_title="Short axis",
        abbreviation="Short",
        unit="mm",
        digits=1,
    ),
    Column(
        "suv_max_bw_g_per_ml",
        "SUVmax",
        "Highest SUVbw in the station, in nodes or not, the primary tumor left out. Empty: no PET.",
        ("suv_max",),
        abbreviation="SUV",
        digits=1,
    ),
    Column(
        "probability",
        "Probability",
        "Probability of metastasis by a learned model. Empty: no model judged the station.",
        ("probability",),
        abbreviation="Prob.",
        digits=2,
    ),
    Column(
        "prediction_set",
        "Conformal set",
        "Labels that the model leaves open at the coverage on its card: positive, negative, or either. Empty: no "
        "model judged the station, or its package has no such sets.",
        ("prediction_set",),
        short_title="Set",
        abbreviation="Set",
    ),
    Column(
        "attention_in_nodes",
        "Attention in nodes",
        "Part of the network's attention that lies in nodes. Empty: no attention map, or no node.",
        ("attention_in_nodes",),
        unit="%",
        digits=0,
        shown_per_value=100.0,
    ),
    Column(
        "attention_node",
        "Node of most attention",
        "Number of the node that draws most of the network's attention.",
        ("attention_node",),
        digits=0,
    ),
    Column(
        "call",
        "Call",
        "Positive or negative, by the model or else by size and uptake criteria. Empty: not assessed.",
        ("call",),
        abbreviation="Model",
    ),
    Column(
        "positive_sides",
        "Positive sides",
        "Sides of the evidence in a positive station without a side of its own.",
        ("positive_sides",),
    ),
    Column("reason", "Why", "Why this call, or why none.", ("reason",)),
    Column("warnings", "Warnings", "What is doubtful about the station.", ("warnings",), separator=" | "),
    Column("edited", "Edited", "A reader changed the outline.", ("edited",)),
    Column("fit_for_staging", "Fit for staging", _FIT_FOR_STAGING, ("fit_for_staging",)),
    Column("call_warnings", "Limits of the call", "What limits the call.", ("call_warnings",), separator=" | "),
)
"""Of a ``StationFinding``, in the order of ``stations.csv``."""

NODES: tuple[Column, ...] = (
    Column("node_id", "Node", "Number of the node, its value in nodes.nii.gz.", ("node_id",), digits=0),
    Column("source", "Source", "What found the node.", ("source",)),
    Column(
        "station",
        "Station",
        "Station that holds most of the node. Empty: it lies outside all stations.",
        ("station",),
    ),
    Column(
        "station_fraction",
        "Part in station",
        "Part of the node that lies inside its station.",
        ("station_fraction",),
        unit="%",
        digits=0,
        shown_per_value=100.0,
    ),
    Column("side", "Side", "Side of the patient's midline that holds the node's center.", ("side",)),
    # Read in ml, beside the volumes of stations; the file holds the measured mm3.
    Column("volume_mm3", "Volume", "Volume of the node.", ("volume_mm3",), unit="ml", digits=2, shown_per_value=1e-3),
    Column(
        "short_axis_mm",
        "Short axis",
        "Longest perpendicular to the long axis, in its axial slice (RECIST 1.1).",
        ("short_axis_mm",),
        unit="mm",
        digits=1,
    ),
    Column(
        "long_axis_mm",
        "Long axis",
        "Longest diameter in any axial slice (RECIST 1.1).",
        ("long_axis_mm",),
        unit="mm",
        digits=1,
    ),
    *(
        Column(
            f"extent_{axis}_mm",
            f"Extent {axis}",
            f"Extent along the patient's {axis}.",
            ("extent_mm", n),
            unit="mm",
            digits=1,
        )
        for n, axis in enumerate("xyz")
    ),
    Column("mean_hu", "Mean HU", "Mean attenuation on CT.", ("mean_hu",), digits=0),
    Column("suv_max_bw_g_per_ml", "SUVmax", "Highest SUVbw. Empty: no PET.", ("suv_max",), digits=1),
    Column("suv_mean_bw_g_per_ml", "SUVmean", "Mean SUVbw. Empty: no PET.", ("suv_mean",), digits=1),
    Column("suv_peak_bw_g_per_ml", "SUVpeak", "Peak SUVbw. Empty: no PET.", ("suv_peak",), digits=1),
    *_position("centroid", "Centroid", "Center of mass of the node", "centroid_mm"),
    *_position("box_min", "Lowest corner", "Lowest corner of the bounding box", "bounding_box_mm", 0),
    *_position("box_max", "Highest corner", "Highest corner of the bounding box", "bounding_box_mm", 1),
    Column(
        "score",
        "Node score",
        "How sure its finder is that it is a node, not how likely it is metastatic. Empty: the finder says nothing.",
        ("score",),
        short_title="Score",
        digits=2,
    ),
    Column("call", "Call", "Positive or negative. Empty: not assessed.", ("call",)),
    Column(
        "probability",
        "Probability",
        "Probability of metastasis by a learned model. Empty: no model judged the node.",
        ("probability",),
        digits=2,
    ),
    Column("reason", "Why", "Why this call, or why none.", ("reason",)),
    Column("warnings", "Warnings", "What is doubtful about the node.", ("warnings",), separator=" | "),
    Column("fit_for_staging", "Fit for staging", _FIT_FOR_STAGING, ("fit_for_staging",)),
    Column(
        "visible",
        "Visible",
        "A network found it as a visible node. Empty: none looked for those.",
        ("candidate", "visible"),
    ),
    Column(
        "significant",
        "Significant",
        "A network found it as a significant node. Empty: none looked for those.",
        ("candidate", "significant"),
    ),
    Column(
        "significance",
        "Significance",
        "How sure networks are that it is a significant node, not how likely it is metastatic.",
        ("candidate", "significance"),
        short_title="Signif.",
        digits=2,
    ),
    Column(
        "first_stage_score",
        "First-stage score",
        "Of the streams alone, where a second stage gave the significance.",
        ("candidate", "first_stage_score"),
        digits=2,
    ),
    Column("streams", "Streams", "Networks that found it as a significant node.", ("candidate", "streams")),
    Column(
        "tumor_zone",
        "Zone",
        "Near the tumor or far from it, by the model package's distance. Empty: there is no tumor mask.",
        ("candidate", "tumor_zone"),
    ),
    Column(
        "tumor_distance_mm",
        "Tumor distance",
        "From the node's center to the tumor's boundary, negative inside. Empty: there is no tumor mask.",
        ("candidate", "tumor_distance_mm"),
        unit="mm",
        digits=0,
    ),
    Column("tags", "Tags", "What the second stage was told of it.", ("candidate", "tags"), separator="; "),
)
"""Of a ``NodeFinding``, in the order of ``nodes.csv``."""

READER_CALLS: tuple[Column, ...] = (
    Column(
        "reader_call",
        "Reader's call",
        "The reader's call; never changed by the program.",
        ("call",),
        abbreviation="Reader",
    ),
    Column("reader_note", "Reader's note", "The reader's note.", ("note",), abbreviation="Note"),
    Column("reader_call_time", "When", "Time of the reader's last change.", ("when",)),
)
"""Of a ``ReaderCall``; they follow those of a station where a reader reviewed the case."""

EDITS: tuple[Column, ...] = (
    Column("time", "When", "Time of the edit.", ("when",)),
    Column("reader", "Reader", "Who edited.", ("who",)),
    Column(
        "station",
        "Station",
        "Station that was changed, or whose nodes were. Empty: an organ was.",
        ("station",),
    ),
    Column(
        "volume_before_ml",
        "Volume before",
        "Volume before the edit. Empty: there was no outline.",
        ("volume_before_ml",),
        unit="ml",
        digits=1,
    ),
    Column(
        "volume_after_ml",
        "Volume after",
        "Volume after the edit. Empty: it was emptied.",
        ("volume_after_ml",),
        unit="ml",
        digits=1,
    ),
    Column("organ", "Organ", "Organ whose outline was changed. Empty: a station's was.", ("organ",)),
    Column("action", "Done with nodes", "What was done with nodes. Empty: an outline was changed.", ("action",)),
    Column("nodes", "Nodes", "Numbers of the nodes before the edit.", ("nodes",), separator=" "),
    Column("nodes_after", "Nodes after", "Numbers of the nodes that came of it.", ("nodes_after",), separator=" "),
)
"""Of a ``ContourEdit``, in the order of ``edits.csv``."""


def plain_columns() -> dict[str, list[dict[str, Any]]]:
    """Every column by table, as JSON can hold it."""
    tables = {"stations": STATIONS, "nodes": NODES, "reader_calls": READER_CALLS, "edits": EDITS}
    return {name: [column.plain() for column in table] for name, table in tables.items()}
