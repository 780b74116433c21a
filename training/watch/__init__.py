"""Whether live votes say that the candidate on trial should serve. Pure: no sockets, no models.

evidence   what was shown, as it is kept with the move
"""
