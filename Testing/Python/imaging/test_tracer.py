"""The tracer of a PET by what headers say."""

from __future__ import annotations

import pytest
from imaging.samples import dataset
from pydicom.sequence import Sequence

from LNStationLib.imaging.tracer import OTHER, said_of_tracer, tracer_names, tracer_of, tracer_title


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("FDG -- fluorodeoxyglucose", "fdg"),
        ("Fluorodeoxyglucose F^18^ C-B1031", "fdg"),
        ("35321007", "fdg"),
        ("Ga-68 PSMA-11", "psma"),
        ("68Ga-DOTATATE", "somatostatin"),
        ("FAPI-46", "fapi"),
        ("Sodium fluoride F^18^", "fluoride"),
        ("something new", OTHER),
        ("  ", None),
    ],
)
def test_a_tracer_is_told_by_words_and_codes(said: str, name: str | None) -> None:
    assert tracer_of(said) == name


def test_every_tracer_has_a_title() -> None:
    assert all(tracer_title(name) for name in tracer_names())
    assert tracer_title("fdg") == "FDG"


def test_names_and_codes_are_read_from_the_header() -> None:
    code = dataset({"CodeValue": "C-B1031", "CodeMeaning": "Fluorodeoxyglucose F^18^"})
    drug = dataset({"Radiopharmaceutical": "Solution", "RadiopharmaceuticalCodeSequence": Sequence([code])})
    header = dataset({"RadiopharmaceuticalInformationSequence": Sequence([drug])})
    assert tracer_of(said_of_tracer(header)) == "fdg"
    assert said_of_tracer(dataset({})) == ""
