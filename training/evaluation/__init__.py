"""Evaluation, three ways: reference metrics over golden questions, an automatic judge, and what people preferred.

golden             the file format of golden questions
metrics            answers, rankings and abstentions beside what was expected
citation_metrics   do citations carry the answer
groundedness       do the passages support a sentence; `entailment`: any cross-encoder in its place
evaluate           run a policy over golden questions; `evaluation`, `row`: what comes of it; `comparison`: two of them
judge              an automatic judge asked in both orders; `chat_judge`, `reward_judge`: two of them
feedback           judgements as preference records, under a written constitution
ratings            strengths of versions from preferences
"""
