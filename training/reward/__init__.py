"""Which answer do people prefer: a calibrated prediction with its uncertainty.

base            what every reward model gives; importable without torch
features        named numbers of (question, passages, answer)
representation  what the heads read; encoder and causal are bases that are trained
judgements      comparisons and votes as arrays, and what is too little
heads           the ensemble and the nuisances, fitted together
select          how strongly the heads are held back
calibrate       temperature and bias
train           all of it
model, store    a trained model, and as files
report          how good it is on people it never met
"""
