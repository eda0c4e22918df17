"""Running out of memory is told from other errors, and a single item that does not fit is an error."""

from __future__ import annotations

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.engine.backoff import in_pieces


@pytest.mark.parametrize(
    "told",
    [
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_a_single_row_that_does_not_fit_is_an_error(told):
    def never(_piece):
        raise RuntimeError(told)

    with pytest.raises(UserError, match="A single row does not fit into memory"):
        list(in_pieces([1, 2, 3], 2, never))


def test_another_error_is_not_taken_for_memory():
    def wrong(_piece):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(in_pieces([1, 2, 3], 2, wrong))
