"""Documents of several domains, from any source, cut to windows of tokens.

`reading` is the door: ``eu.corpora.read("small world")``, ``"packages"``, a path, or ``"hub:name/of-it"``.

==============  =======================================================================================
`documents`     a text with its domain and its group, and a corpus of them
`windows`       documents cut to windows of tokens
`sides`         which side of a split each document stands on
`counts`        what a corpus and its windows hold, by domain and split
`reading`       the one door to all sources
`texts`         the small world, register by register
`local`         a folder, a file of rows, or a text file
`streamed`      a data set of a hub, row by row
`packages`      real text of the installed packages, by a manifest with hashes
`manifest`      how that manifest is made
`installed`     which files of an installed package are a source of text
`shingles`      near-duplicates among many files
==============  =======================================================================================
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "Document": "documents",
    "Corpus": "documents",
    "Windows": "windows",
    "cut": "windows",
    "read": "reading",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)
