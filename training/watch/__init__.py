"""Whether live votes say that the candidate on trial should serve. Pure: no sockets, no models.

decide         promote, go on watching, or roll back; probation: whether a new champion stays
observations   what people said; payoffs: as numbers one can bet on; betting: evidence that may be looked at any time
guards         errors, silence, time
config         error rates, margins, floors
evidence       what was shown, as it is kept with the move
"""
