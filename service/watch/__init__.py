"""The watch: reads what people say of a candidate on trial, decides, and moves the alias. Doubled, it does no harm.

run        one look at every scope, as the schedule asks for it
reading    from the feedback log to observations
trials     where each trial stands, in Redis
probation  new champions whose live votes turn against them
tally      what each version served, counted in the API processes
figures    where trials stand, for people and for Prometheus
"""
