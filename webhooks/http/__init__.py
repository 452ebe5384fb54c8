"""Outgoing HTTP: the only place from which the platform calls addresses that customers name.

An address is resolved once, everything it resolves to is vetted, and what is dialed is what was
vetted. Nothing follows a redirect; answers are read up to a limit; an attempt ends in time.
"""
