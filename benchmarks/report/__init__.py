"""The report: one page, its pictures and the README's table, made of results files by ``make_report.py``.

Nothing is measured here, and no number is written by hand.
"""
