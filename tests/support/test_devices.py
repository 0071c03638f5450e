import pytest
import torch

from fer_utils import CourseError
from fer_utils.support.devices import choose_device, choose_precision


def test_a_device_that_is_not_there_is_named():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert choose_device("auto").type in ("cpu", "mps")
    with pytest.raises(CourseError, match="'cuda' is not available here"):
        choose_device("cuda")


@pytest.mark.parametrize(("found", "precision"), [({"avx512_bf16": True}, "bfloat16"), ({"avx2": True}, "float32")])
def test_auto_precision_is_what_the_processor_has_in_hardware(monkeypatch, found, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == precision
    assert choose_precision("float32", torch.device("cpu")) == "float32"
