"""Words of other libraries: what ml_genn calls them, and how they are answered."""

from ml_genn.utils.synonyms.arguments import accepts_synonyms, own_arguments
from ml_genn.utils.synonyms.attributes import AnswersSynonyms
from ml_genn.utils.synonyms.names import answer_names_of, module_attribute, object_name

__all__ = [
    "AnswersSynonyms",
    "accepts_synonyms",
    "answer_names_of",
    "module_attribute",
    "object_name",
    "own_arguments",
]
