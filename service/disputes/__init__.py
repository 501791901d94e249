"""Mediation: a claim that was escalated, its ruling, and both sides' acceptance.

Questions, messages and appeals are a later room.
"""
