"""Complaints: what a buyer tells, the evidence, and the batch that it is traced to."""
