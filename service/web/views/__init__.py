"""View models: for every page exactly what its template needs. No rows, no queries, no words but people's own."""
