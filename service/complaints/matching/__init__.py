"""From a complaint to its batch, or an honest "not sure": normalise, retrieve, score by field, calibrate, decide.

`match.match(session, query)` joins the steps. Everything but `retrieve` is pure.
"""
