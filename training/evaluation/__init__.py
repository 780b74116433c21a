"""How good are the answers: against references, by a judge, by people."""
