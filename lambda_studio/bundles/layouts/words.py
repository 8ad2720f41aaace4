"""Words by which names of folders and prompts are read."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RARE = _words("sks ohwx zwx xyz xxx shs hta olis zws wxyz asdf qwe abc tok skw xkcd pll bnha sbu ucx ktn")
"""Words without a meaning that people give to trainers as names."""
SPOKEN = _words("hmm nth tv cd dvd pc mr mrs dr st")
"""Words without a vowel that have a meaning."""
JOINING = _words("in on at with and or near by from under over wearing sitting standing is are while to for")
"""Words that a sentence has, and a noun does not."""
GENERIC = _words(
    """
    data dataset datasets img imgs image images jpg jpeg png train training instance instances source src raw photo
    photos picture pictures pics subject subjects concept concepts input inputs dreambooth dcim camera roll untitled
    unnamed misc other new folder test val validation upload uploads download downloads album export files
    """
)
"""Words of folders' names that say nothing about a subject."""
NAMES = _words(
    """
    abby alfie amy archie bailey balou balu beau bella ben benji benny bentley betty bobby bruno buddy cassie
    charlie chloe cleo dexter diego ella elvis emma felix fido finn fluffy frankie freddie garfield george
    gizmo gus harley harry heidi henry jake jasper jimmy joey kira leo lilly lola loki lotte louie louis lucky lucy luna
    maggie marley max mia milo mimi minka missy molly momo murphy nala nelly nemo nina ollie oscar otis
    otto paula rambo rex rocky roger romeo roxy rudi rufus sadie sally sam sammy simba smokey
    sophie sparky stella susi tess toby tommy trixie tucker waldi wilma winston yuki zeus zoe
    """
)
"""Frequent names of pets, which say nothing about what a subject is. Words that are also things are not among them."""
