"""The operator's golden set, kept in the home folder, and runs that ask it of a version in the background.

golden   the set: checked, kept whole; what of it the gate can ask
runs     a run as it lies in its folder; runner: does them one at a time, behind everybody's questions
asking   one question through the chat, of which nothing is kept as a user's; failing: what is wrong with an answer
"""
