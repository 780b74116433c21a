"""The named numbers by which an answer is judged. Their order is the layout of weights on disk: append only."""

MEANING = (
    "question_cosine",  # question and the whole answer (average of its sentences)
    "question_best",  # question and the sentence of the answer nearest to it
    "question_first",  # question and the first sentence
    "question_least",  # question and the sentence furthest from it
    "passages_mean",  # nearest sentence of the passages, averaged over the sentences of the answer
    "passages_least",  # the same for the worst supported sentence
    "relevant_covered",  # how near the answer comes to those sentences of the passages that are near to the question
    "missed",  # cosine of the question with the best sentence of the passages, less `question_best`
    "sameness",  # of each sentence with its nearest other, averaged: saying things twice
    "title_cosine",  # question and title of the passage that supports most
)
WORDING = (
    "idf_overlap",  # share of the question's content words in the answer, words rare in the passages counting more
    "first_overlap",  # the same for the first sentence
    "bigram_overlap",  # share of the question's neighbouring content words kept as neighbours
    "supported_mean",  # share of a sentence's content words in one place of the passages, averaged
    "supported_least",  # the same for the worst supported sentence
    "verified",  # share of sentences supported enough, with their numbers and polarity
    "polarity_differs",  # share of sentences negated where their support is not, or the other way about
    "numbers_unknown",  # share of the answer's numbers that no passage states
    "names_unknown",  # share of its capitalised words that no passage holds
    "words_unknown",  # share of its content words in neither passages nor question
    "phrases_known",  # share of its neighbouring content words that are neighbours in the passages
    "phrases_repeated",  # share of its neighbouring content words that it says again
    "novelty",  # share of its content words that are not in the question
)
FORM = (
    "length",  # log of its words, 0 at 40 words
    "length_squared",
    "sentences",  # log of their number
    "short_sentences",  # share under four words
    "ends_open",  # ends without a full stop
    "asks",  # ends as a question
    "year_asked",  # the question asks when; share of sentences with a year
    "number_asked",  # the question asks how many; share of sentences with a digit
    "name_asked",  # the question asks who or where; share of sentences with a name
    "first_answers",  # the first sentence has the year, digit or name asked for
    "says_yes_or_no",  # to a question that can be answered so
)
SOURCES = (
    "passages_used",  # share of the passages that support a sentence
    "first_passage",  # share of sentences supported by the passage shown first
    "support_early",  # 1 where support stands at the start of its passage, 0 at the end, averaged
    "support_score",  # fused score over the best, of the passages that support, averaged
    "support_dense",  # cosine of those passages, as retrieval reported it
    "cited",  # share of sentences with a marker, where something is said
    "cited_rightly",  # share of sentences whose marker names a passage that holds most of their words
)
SILENCE = (
    "abstained",
    "abstained_evidence",  # abstained, times `evidence`
    "evidence",  # cosine of the question with the best sentence of the passages
    "words_found",  # share of the question's content words in any passage
)
FEATURES = (*MEANING, *WORDING, *FORM, *SOURCES, *SILENCE)
