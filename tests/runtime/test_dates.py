"""Dates and times: texts, typed values and arrays, and the parts of them that a network gets."""

import datetime
import doctest
import math
import zoneinfo

import mothernet_runtime.dates
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mothernet_runtime.dates import (
    DATE_PARTS,
    DATE_PATTERNS,
    date_part,
    seconds_of_array,
    seconds_of_text,
    seconds_of_texts,
    seconds_of_value,
)

DAY = 86_400.0
EPOCH = datetime.datetime(1970, 1, 1)
JAN_5 = (datetime.datetime(2024, 1, 5) - EPOCH).total_seconds()

TEXTS = {
    "ymd": {
        "1970-01-01": 0, "2024-01-05": JAN_5, "2024-1-5": JAN_5, "2024/01/05": JAN_5, "2024.1.5": JAN_5,
        "20240105": JAN_5, "20240105T01:00": JAN_5 + 3600, "0001-01-01": -62135596800, "9999-12-31": 253402214400,
        "2024-01-05T10:20:30Z": JAN_5 + 37230, "2024-01-05 10:20": JAN_5 + 37200, "2024-01-05, 1:00": JAN_5 + 3600,
        "2024-01-05T10:20:30.5": JAN_5 + 37230.5, "2024-01-05t10:20:30,25z": JAN_5 + 37230.25,
        "2024-01-05T02:00+02:00": JAN_5, "2024-01-05T00:00+0530": JAN_5 - 19800, "2024-01-05 00:00 -05": JAN_5 + 18000,
        "2024-01-05 00:00 UTC": JAN_5, "2024-01-05 00:00:00GMT": JAN_5, "2024-01-05T24:00": JAN_5 + DAY,
        "2024-01-05T24:00:00.000": JAN_5 + DAY, "2024-01-05T23:59:60Z": JAN_5 + DAY,
        "2024-01-05 1:00 PM": JAN_5 + 46800,
        "2024-01-05 12:30 am": JAN_5 + 1800, "2024-01-05 12:30 p.m.": JAN_5 + 45000, "2024-02-29": JAN_5 + 55 * DAY,
        "2023-02-29": None, "2024-02-30": None, "2024-13-01": None, "2024-00-01": None, "2024-01-00": None,
        "0000-01-01": None, "10000-01-01": None, "-0001-01-01": None, "24-01-05": None, "2024-01": None, "2024": None,
        "2024/01-05": None, "2024-01-05T": None, "2024-01-05T25:00": None, "2024-01-05T24:01": None,
        "2024-01-05T24:00:00.5": None, "2024-01-05T10:60": None, "2024-01-05T10:20:61": None, "2024-01-05T10": None,
        "2024-01-05 13:00 PM": None, "2024-01-05 0:30 AM": None, "2024-01-05T10:20+25:00": None,
        "2024-01-05T10:20+01:60": None, "2024-01-05  10:20": None, "05/01/2024": None, "5 Jan 2024": None,
        "２０２４-01-05": None, "2024-01-05\x1c": None, "12:00": None, "": None, "x": None, "2024-01-05 1:00 CET": None,
        "20241301": None, "2024010": None,
    },
    "dmy": {
        "5.1.2024": JAN_5, "05/01/2024": JAN_5, "5-1-24": JAN_5, "05.01.2024 10:20": JAN_5 + 37200, "2024-01-05": JAN_5,
        "5 Jan 2024": JAN_5, "5. January 2024": JAN_5, "5-JAN-24": JAN_5, "5 jan. 2024 1:00": JAN_5 + 3600,
        "5 Sept 2024": JAN_5 + 244 * DAY, "1/1/68": 35794 * DAY, "1/1/69": -365 * DAY, "1/1/99": 10592 * DAY,
        "13/13/2024": None, "31/4/2024": None, "5 Janu 2024": JAN_5, "5 Jax 2024": None, "5/1-2024": None,
        "5/1/224": None, "2024/01/05": None, "5 M 2024": None, "5 ma 2024": None, "5 may 2024": JAN_5 + 121 * DAY,
        "20240105": None, "5.1": None,
    },
    "mdy": {
        "1/5/2024": JAN_5, "01-05-24": JAN_5, "Jan 5, 2024": JAN_5, "January 5 2024": JAN_5, "2024-01-05": JAN_5,
        "Jan 5, 2024 1:00 AM": JAN_5 + 3600, "1/5/2024 13:00": JAN_5 + 46800, "13/5/2024": None, "2/30/2024": None,
        "5 Jan 2024": None, "Jan. 5, 24": JAN_5,
    },
    "time": {
        "00:00": 0, "7:05": 25500, "23:59:59.5": 86399.5, "1:00 PM": 46800, "24:00": DAY, "12:00 AM": 0,
        "10:00+02:00": 28800, "01:00+02:00": -3600, "2024-01-05": None, "1": None, "1:2": None, "25:00": None,
    },
}  # fmt: skip


@pytest.mark.parametrize("pattern", DATE_PATTERNS)
def test_texts_are_the_seconds_that_they_say(pattern):
    for text, seconds in TEXTS[pattern].items():
        assert seconds_of_text(text, pattern) == seconds, text


@given(st.datetimes(), st.sampled_from([0, 3, 6]))
def test_iso_texts_are_read_as_python_reads_them(moment, digits):
    moment = moment.replace(microsecond=moment.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits))
    spec = {0: "seconds", 3: "milliseconds", 6: "microseconds"}[digits]
    expected = seconds_of_value(moment)
    assert seconds_of_text(moment.isoformat(timespec=spec), "ymd") == expected
    assert seconds_of_text(moment.isoformat(" ", timespec=spec), "dmy") == expected
    assert abs(expected - (moment - EPOCH) / datetime.timedelta(seconds=1)) < 1e-4


@given(st.datetimes(), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"]))
def test_zones_of_typed_values_count_as_those_of_texts(moment, zone):
    aware = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    offset = aware.utcoffset()
    if offset.seconds % 60 or not datetime.datetime(1, 1, 3) < moment < datetime.datetime(9999, 12, 29):
        return  # offsets of the time before zones have seconds
    assert seconds_of_value(aware) == seconds_of_text(aware.isoformat(), "ymd")


UNITS = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"]


@pytest.mark.parametrize("unit", UNITS)
def test_arrays_of_every_unit_are_seconds(unit):
    array = np.array(["1970-01-01", "NaT"], f"datetime64[{unit}]")
    assert seconds_of_array(array)[0] == 0 and np.isnan(seconds_of_array(array)[1])
    assert seconds_of_value(array[0]) == 0
    assert seconds_of_array(array[:0]).shape == (0,)
    assert np.isnan(seconds_of_array(array[1:])).all()
    if unit not in ("ns", "ps", "fs", "as"):
        later = array[0] + 40
        assert seconds_of_array(np.array([later])) == seconds_of_value(later.astype("datetime64[us]").item())


def test_arrays_are_rounded_once_and_before_1970_too():
    array = np.array(["2024-01-05T10:20:30.123456789", "1969-12-31T23:59:59.123456789"], "datetime64[ns]")
    assert seconds_of_array(array).tolist() == [seconds_of_text(text, "ymd") for text in array.astype(str).tolist()]
    assert seconds_of_array(array.astype(">M8[ns]")).tolist() == seconds_of_array(array).tolist()
    assert seconds_of_array(np.array(["2024-01-05T00:15"], "datetime64[15m]")).tolist() == [JAN_5 + 900]


@pytest.mark.parametrize("year", [0, -1, 10_000, 2**40, -(2**62), 2**63 - 1])
@pytest.mark.parametrize("unit", ["Y", "M", "D", "s", "ms", "us"])
def test_years_beyond_the_calendar_are_errors_not_other_dates(unit, year):
    count = (year - 1970) * {"Y": 1, "M": 12, "D": 366, "s": 31_622_400}.get(unit, 31_622_400 * 10**6)
    if not -(2**63) < count < 2**63 or (year == 0 and unit not in "YM"):
        return
    with pytest.raises(ValueError, match="year"):
        seconds_of_array(np.array([count]).astype(f"datetime64[{unit}]"))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (datetime.date(2024, 1, 5), JAN_5),
        (datetime.time(1, 2, 3, 500_000), 3723.5),
        (datetime.time(2, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), 3600),
        (pandas.Timestamp("2024-01-05 01:00"), JAN_5 + 3600),
        (pandas.Timestamp("2024-01-05 01:00", tz="Europe/Berlin"), JAN_5),
        (pandas.Timestamp("2024-01-05 00:00:00.000000007"), JAN_5 + 7e-9),
        (np.datetime64("2024-01-05"), JAN_5),
        (
            datetime.datetime(2024, 1, 5, tzinfo=datetime.timezone(datetime.timedelta(microseconds=500_000))),
            JAN_5 - 0.5,
        ),
    ],
)
def test_typed_values_are_seconds(value, seconds):
    assert seconds_of_value(value) == seconds


@pytest.mark.parametrize(
    "value", [3, 3.5, True, "2024-01-05", None, datetime.timedelta(1), np.timedelta64(1, "s"), [], b""]
)
def test_what_is_no_date_is_a_type_error(value):
    with pytest.raises(TypeError, match="not a date"):
        seconds_of_value(value)


LAYOUTS = ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@given(st.lists(st.datetimes(datetime.datetime(1000, 1, 1)), min_size=1, max_size=20), st.sampled_from(LAYOUTS))
def test_columns_of_one_layout_are_read_as_cell_by_cell(moments, layout):
    texts = [moment.strftime(layout) for moment in moments]
    seconds = seconds_of_texts(texts, "dmy")
    assert seconds is not None
    assert seconds.tolist() == [seconds_of_text(text, "dmy") for text in texts]


ODD_TEXTS = [
    "2024-02-30",
    "2023-02-29",
    "2024-04-31",
    "2024-13-01",
    "2024-00-10",
    "2024-01-00",
    "0000-01-01",
    "2024-1-05",
]
ODD_TEXTS += ["2024/01-05", "2024-01-0５", "2024-01-0x", "2024-01-05T", "", "2024-01-5 "]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_columns_with_odd_texts_are_not_read_at_once(text):
    assert seconds_of_texts(["2024-01-05", text], "ymd") is None
    assert seconds_of_texts([text, "2024-01-05"], "ymd") is None


@pytest.mark.parametrize("time", ["24:00:00", "23:60:00", "23:59:60", "25:00:00", "1:00:000", "10-00-00"])
def test_columns_with_odd_times_are_not_read_at_once(time):
    assert seconds_of_texts(["2024-01-05 10:20:30", f"2024-01-05 {time}"], "ymd") is None


def test_no_texts_are_no_layout():
    assert seconds_of_texts([], "ymd") is None
    assert seconds_of_texts(["2024-01-05"], "time") is None


@given(st.datetimes(datetime.datetime(1, 1, 2)))
def test_parts_are_those_of_python(moment):
    seconds = np.array([seconds_of_value(moment.replace(microsecond=0))])
    days, month, weekday, hour = (float(date_part(seconds, part)[0]) for part in DATE_PARTS)
    assert (month, weekday) == (moment.month, moment.weekday())
    assert abs(hour - (moment.hour + moment.minute / 60 + moment.second / 3600)) < 1e-9
    assert abs(days - (moment - EPOCH) / datetime.timedelta(days=1)) < 2e-5


@pytest.mark.parametrize("part", DATE_PARTS)
def test_parts_of_a_missing_date_are_missing(part):
    assert np.isnan(date_part(np.array([math.nan, 0.0]), part)).tolist() == [True, False]
    assert date_part(np.empty(0), part).shape == (0,)


def test_docstring_examples_run():
    result = doctest.testmod(mothernet_runtime.dates)
    assert result.attempted > 0 and result.failed == 0
