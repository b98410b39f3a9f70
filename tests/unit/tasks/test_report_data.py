from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from jobdesk.tasks.report import (
    AnalyticsReport,
    ClientAging,
    CustomReport,
    DataExport,
    FinancialReport,
)

FIRM = "507f1f77bcf86cd799439014"
YEAR = {"firmId": FIRM, "startDate": "2024-01-01", "endDate": "2024-12-31"}


def test_the_original_s_data_is_taken_as_it_is() -> None:
    data = FinancialReport.model_validate({**YEAR, "reportType": "financial"})

    assert (data.firm_id, data.start_date, data.end_date) == (
        FIRM, date(2024, 1, 1), date(2024, 12, 31),
    )  # fmt: skip
    assert (data.format, data.language) == ("pdf", "en")


@pytest.mark.parametrize(
    ("model", "data", "field"),
    [
        (FinancialReport, {**YEAR, "firmId": ""}, "firmId"),
        (FinancialReport, {"startDate": "2024-01-01", "endDate": "2024-01-02"}, "firmId"),
        (FinancialReport, {**YEAR, "endDate": "2023-12-31"}, "before startDate"),
        (FinancialReport, {**YEAR, "endDate": "2044-12-31"}, "over 3,660 days"),
        (FinancialReport, {**YEAR, "reportType": "analytics"}, "reportType"),
        (FinancialReport, {**YEAR, "query": "SELECT 1"}, "query"),
        (FinancialReport, {**YEAR, "format": "csv"}, "format"),
        (AnalyticsReport, {**YEAR, "metrics": ["profit"]}, "metrics"),
        (ClientAging, {"startDate": "x", "firmId": FIRM}, "startDate"),
        (CustomReport, YEAR, "definition"),
        (CustomReport, {**YEAR, "definition": "SELECT"}, "definition"),
        (CustomReport, {**YEAR, "definition": "hours-by-case", "limit": 10_001}, "limit"),
        (
            CustomReport,
            {**YEAR, "definition": "hours-by-case", "filters": {"hours": {"like": 1}}},
            "like",
        ),
        (CustomReport, {**YEAR, "definition": "hours-by-case", "aggregate": []}, "aggregate"),
        (DataExport, {"firmId": FIRM, "dataType": "users"}, "dataType"),
        (DataExport, {"firmId": FIRM, "dataType": "cases", "startDate": "2024-01-01"}, "neither"),
        (DataExport, {"firmId": FIRM, "dataType": "cases", "format": "pdf"}, "format"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    model: type[Any], data: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)

    assert field in str(caught.value)
