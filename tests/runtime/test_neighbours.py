"""Neighbours work for as long as they are asked to, and end with it."""

from __future__ import annotations

import time

import psutil
import pytest

from emotion_utils.runtime.neighbours import busy_neighbours
from emotion_utils.runtime.snakemake import available_cores


def test_neighbours_work_and_end():
    with busy_neighbours(1) as (one,):
        process = psutil.Process(one.pid)
        before = process.cpu_times().user
        time.sleep(1.0)
        assert process.cpu_times().user > before
    assert one.returncode is not None


def test_they_end_where_the_measurement_fails():
    with pytest.raises(ZeroDivisionError), busy_neighbours(1) as (one,):
        assert 1 / 0
    assert one.returncode is not None


def test_one_core_is_left_to_the_measurement():
    with busy_neighbours() as processes:
        assert len(processes) == available_cores() - 1
