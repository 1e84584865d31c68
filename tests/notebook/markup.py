"""Words by which a script makes markup of a text: ours hold none of them, so what comes from outside stays a text."""

MAKES_MARKUP = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "createContextualFragment",
    "setHTMLUnsafe",
    "DOMParser",
    "document.write",
    "eval(",
)
