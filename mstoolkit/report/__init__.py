"""One self-contained HTML page of a comparison or a run: no script, no request, fit to print."""

from mstoolkit.report.comparison import comparison_page, write_comparison, write_pages
from mstoolkit.report.run import run_page, write_run
from mstoolkit.report.sensitivity import rests_on, write_sensitivity

__all__ = [
    "comparison_page",
    "rests_on",
    "run_page",
    "write_comparison",
    "write_pages",
    "write_run",
    "write_sensitivity",
]
