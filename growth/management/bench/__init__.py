"""Benches: what the platform does beside the best and the plainest way to do the same, in one run.

Each bench yields its rounds' ratios; ``manage.py bench`` prints their medians beside the bars.
"""
