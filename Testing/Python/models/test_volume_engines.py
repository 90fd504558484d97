"""In which precision a CPU runs networks of volumes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.models.runtime.volume_engines import cpu_precision, max_window_voxels  # noqa: E402


@pytest.mark.parametrize(
    ("has_amx", "has_avx512_bf16", "precision"),
    [
        (True, True, "bfloat16"),
        (True, False, "bfloat16"),
        (False, True, "bfloat16"),
        (False, False, "float32"),
    ],
)
def test_bfloat16_runs_where_the_cpu_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, has_amx: bool, has_avx512_bf16: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_avx512_bf16, raising=False)
    assert cpu_precision() == precision


def test_a_torch_that_cannot_say_runs_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert cpu_precision() == "float32"


def test_half_the_bytes_a_value_let_a_window_be_twice_as_large() -> None:
    assert max_window_voxels("bfloat16") == 2 * max_window_voxels("float32")
