"""Formulas as they are written in text, in MathML (MathML Core, which browsers render by themselves).

The notation is meant to be read as it stands, in DocC and in any tool that shows openapi.yaml:

    y_j = exp(z_j) / Σ_c exp(z_c)      subscripts; exp(x) becomes a power of e
    a / b, a/b                         with spaces a fraction; without, it stays on the line, but for ∂y/∂z
    x², 2⁻⁵³, Jᵀ, f′, e^{z_j}, Σ_{i≠m} superscripts, primes, groups
    δ_ij = ⎧ 1   if i = j              cases, with two or more spaces before the condition
           ⎩ 0   if i ≠ j
    J = ⎡ a  b ⎤                       matrices, with two or more spaces between the columns
        ⎣ c  d ⎦

Lines that begin with a relation go on with the formula above them. What is anything else raises FormulaError: a formula is
either understood as a whole or not at all.
"""

import re
from html import escape

RELATIONS = "=≠≤≥<>≈∈"
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ", "0123456789−T"))
# Names of functions and of members of the API, which are set upright, and words between formulas.
FUNCTIONS = {"exp", "log", "softmax", "diag"}
NAMES = {"scale", "complement"}
WORDS = {"if", "and", "where"}
TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>\d+(?:\.\d+)?)|(?P<letters>[^\W\d_⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ]+)"
    r"|(?P<superscript>[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ]+)"
    r"|(?P<sign>[-−+=≠≤≥<>≈∈·×/(){}\[\],…∂Σ∞′_^∘])")
GREEK_CAPITALS = {"Σ"}


class FormulaError(ValueError):
    pass


def leaf(tag, text, attributes=""):
    return f"<{tag}{attributes}>{escape(text, quote=False)}</{tag}>"


def row(parts):
    return parts[0] if len(parts) == 1 else "<mrow>" + "".join(parts) + "</mrow>"


APPLY = leaf("mo", "\u2061")
# Between names there is a little room, before parentheses none.
TIMES, TIMES_PARENTHESES = leaf("mo", "\u2062", ' rspace=".12em"'), leaf("mo", "\u2062")
PARENTHESIS = '<mrow><mo stretchy="false">('


class Parser:
    """One line of a formula, read from left to right by recursive descent."""

    def __init__(self, text, is_inline=False):
        self.text = text
        self.is_inline = is_inline
        # (kind, text, whether white space is before it), and an end.
        self.tokens = []
        at, spaced = 0, False
        while at < len(text):
            found = TOKEN.match(text, at)
            if not found:
                raise FormulaError(f"{text!r}: what is {text[at]!r}?")
            at = found.end()
            kind = found.lastgroup
            if kind == "space":
                spaced = True
                continue
            if kind == "letters" and found[0] in GREEK_CAPITALS:
                kind = "sign"
            self.tokens.append((kind, found[0], spaced))
            spaced = False
        self.tokens.append(("end", "", True))
        self.at = 0

    def fail(self, wanted):
        raise FormulaError(f"{self.text!r}: {wanted} expected before {self.peek()[1] or 'the end'!r}")

    def peek(self):
        return self.tokens[self.at]

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def takes(self, text):
        if self.peek()[1] != text:
            return False
        self.at += 1
        return True

    def expect(self, text):
        if not self.takes(text):
            self.fail(repr(text))

    def whole(self):
        """Sums with relations, commas and words between them, to the end."""
        parts = self.list()
        if self.peek()[0] != "end":
            self.fail("an operator")
        return parts

    def list(self):
        parts, is_open = [], False
        while True:
            kind, text, _ = self.peek()
            ends = kind == "end" or text in (")", "]", "}")
            joins = text == "," or text in RELATIONS and text
            if is_open and (ends or joins):
                self.fail("a term")
            if ends:
                return parts
            is_open = bool(joins)
            if joins:
                self.take()
                # The form is said, as a relation at the start of a row would be taken for a sign.
                parts.append(leaf("mo", text, "" if text == "," else ' form="infix"'))
            elif text in WORDS:
                self.take()
                parts.append(leaf("mtext", f"\u00a0{text}\u00a0" if parts else f"{text}\u00a0"))
            else:
                parts += self.sum()

    def sum(self):
        parts = []
        while True:
            if self.peek()[1] in ("-", "−", "+"):
                sign = self.take()[1].replace("-", "−")
                parts.append(leaf("mo", sign, "" if parts else ' form="prefix"'))
            elif parts:
                return parts
            parts += self.product()

    def product(self):
        """Quotients with dots between them."""
        parts = [self.quotient()]
        while self.peek()[1] in ("·", "×"):
            sign = self.take()[1].replace("·", "⋅")
            parts += [leaf("mo", sign), self.quotient()]
        return parts

    def quotient(self):
        above = self.factors()
        while self.peek()[1] == "/" and self.peek()[2]:
            self.take()
            above = [self.fraction(above, self.factors())]
        return row(self.joined(above))

    @staticmethod
    def fraction(above, below):
        def bare(factors):
            is_alone = len(factors) == 1 and factors[0][1]
            return factors[0][1] if is_alone else row(Parser.joined(factors))

        return f"<mfrac>{bare(above)}{bare(below)}</mfrac>", None

    @staticmethod
    def joined(factors):
        """Factors side by side: what is between them is a product that is not written."""
        parts = []
        for markup, _ in factors:
            if parts:
                parts.append(TIMES_PARENTHESES if markup.startswith(PARENTHESIS) else TIMES)
            parts.append(markup)
        return parts

    def factors(self):
        """One or more (markup, the same without its parentheses or None)."""
        found = []
        while True:
            kind, text, spaced = self.peek()
            starts = kind in ("number", "letters") and text not in WORDS or text in ("(", "[", "∂", "Σ", "…", "∞")
            if not starts:
                if not found:
                    self.fail("a number or a name")
                return found
            factor = self.factor()
            # Tight, as in z/τ: stays on the line. A derivative is a fraction all the same.
            if self.peek()[1] == "/" and not self.peek()[2]:
                self.take()
                below = self.factor()
                if factor[0].startswith("<mrow><mo>∂") and below[0].startswith("<mrow><mo>∂"):
                    factor = self.fraction([factor], [below])
                else:
                    slash = leaf("mo", "/", ' lspace="0" rspace="0"')
                    factor = row([factor[0], slash, below[0]]), None
            found.append(factor)

    def factor(self):
        kind, text, _ = self.take()
        bare = None
        if kind == "number":
            base = leaf("mn", text)
        elif text == "∂":
            return row([leaf("mo", "∂", ""), self.factor()[0]]), None
        elif text == "Σ":
            return row([self.big_sum(), row(self.joined(self.factors()))]), None
        elif text in ("(", "["):
            base, bare = self.fenced(text)
        elif text in ("…", "∞"):
            base = leaf("mi", text)
        elif text in FUNCTIONS:
            return self.application(text)
        elif text in NAMES:
            base = leaf("mi", text)
        elif kind == "letters" and len(text) <= 2:
            # Letters side by side are a product; scripts belong to the last of them.
            letters = [(leaf("mi", letter), None) for letter in text]
            base = letters.pop()[0]
            return row([*(part for one in letters for part in (one[0], TIMES)), self.scripts(base)]), None
        else:
            self.at -= 1
            self.fail("a known name")
        scripted = self.scripts(base)
        return scripted, bare if scripted == base else None

    def fenced(self, opening):
        content = self.list()
        closing = {"(": ")", "[": "]"}[opening]
        self.expect(closing)
        if not content:
            self.fail("something between parentheses")
        # Higher than a letter only where what they hold is.
        high = ("<mfrac",) if self.is_inline else ("<mfrac", "<munder")
        attributes = "" if any(one in part for part in content for one in high) else ' stretchy="false"'
        return row([leaf("mo", opening, attributes), *content, leaf("mo", closing, attributes)]), row(content)

    def application(self, name):
        if name == "exp":
            if self.peek()[1] != "(":
                self.fail("'('")
            self.take()
            return f"<msup><mi>e</mi>{self.fenced('(')[1]}</msup>", None
        function = self.scripts(leaf("mi", name))
        if self.peek()[1] == "(":
            return row([function, APPLY, self.factor()[0]]), None
        space = '<mspace width="0.17em"></mspace>'
        return row([function, APPLY, space, self.factor()[0]]), None

    def big_sum(self):
        sign = leaf("mo", "∑", ' movablelimits="true"')
        return f"<munder>{sign}{self.script()}</munder>" if self.takes("_") else sign

    def scripts(self, base):
        """Whatever follows tightly below and above: indices, powers, primes."""
        below, above = None, []
        while not self.peek()[2]:
            kind, text, _ = self.peek()
            if text == "_" and below is None:
                self.take()
                below = self.script()
            elif text == "^":
                self.take()
                above.append(self.script())
            elif text == "′":
                # Beside the letter, not above it: the sign is raised already.
                self.take()
                base = row([base, leaf("mo", "′", ' lspace="0" rspace="0"')])
            elif kind == "superscript":
                self.take()
                above.append(self.power(text))
            else:
                break
        if below and above:
            return f"<msubsup>{base}{below}{row(above)}</msubsup>"
        if below:
            return f"<msub>{base}{below}</msub>"
        return f"<msup>{base}{row(above)}</msup>" if above else base

    @staticmethod
    def power(text):
        plain = "".join(SUPERSCRIPTS[one] for one in text)
        if plain == "T":
            return leaf("mi", "T")
        digits = leaf("mn", plain.lstrip("−"))
        return row([leaf("mo", "−", ' form="prefix"'), digits]) if plain.startswith("−") else digits

    def script(self):
        """One letter or number, letters side by side as in δ_ij, or a group in braces."""
        kind, text, _ = self.take()
        if text == "{":
            content = self.list()
            self.expect("}")
            return row(content)
        if kind == "number":
            return leaf("mn", text)
        if kind == "letters":
            return row([leaf("mi", letter) for letter in text]) if len(text) <= 2 else leaf("mi", text)
        self.at -= 1
        self.fail("an index")


def line(text, is_inline=False):
    """What a formula on one line becomes, without the element around it."""
    parts = Parser(text, is_inline).whole()
    if not parts:
        raise FormulaError("an empty formula")
    return row(parts)


def inline(text):
    """A formula in the midst of text."""
    return f"<math>{line(text, is_inline=True)}</math>"


def display(text):
    """A formula by itself, on one or more lines."""
    lines = [one for one in text.rstrip("\n").split("\n") if one.strip()]
    if not lines:
        raise FormulaError("an empty formula")
    if any(one in text for one in "⎧⎡"):
        content = structure(lines)
    elif len(lines) == 1:
        content = line(lines[0])
    else:
        content = aligned(lines)
    return f'<math display="block">{content}</math>'


def table(rows, name):
    cells = ("<mtr>" + "".join(f"<mtd>{cell}</mtd>" for cell in one) + "</mtr>" for one in rows)
    return f'<mtable class="{name}">{"".join(cells)}</mtable>'


def aligned(lines):
    """Equations below each other, at their first relation."""
    rows = []
    for one in lines:
        found = re.search(f"[{RELATIONS}]", one)
        if not found:
            raise FormulaError(f"{one!r}: a line of several has a relation")
        left = one[:found.start()].strip()
        rows.append((line(left) if left else "", line(one[found.start():])))
    return table(rows, "aligned").replace("<mtable", '<mtable displaystyle="true"', 1)


def structure(lines):
    """Cases or a matrix, with what is before and behind it."""
    is_matrix = "⎡" in lines[0] or "⎢" in "".join(lines)
    opening, closing = ("⎡⎢⎣", "⎤⎥⎦") if is_matrix else ("⎧⎨⎩", "")
    before, after, rows, cells = [], [], [], []
    for number, one in enumerate(lines):
        expected = opening[0] if number == 0 else opening[2] if number == len(lines) - 1 else opening[1]
        head, sign, rest = one.partition(expected)
        if not sign:
            raise FormulaError(f"{one!r}: {expected} expected")
        before.append(head.strip())
        if is_matrix:
            rest, sign, tail = rest.partition(closing[opening.index(expected)])
            if not sign:
                raise FormulaError(f"{one!r}: the matrix is not closed")
            after.append(tail.strip())
        cells.append(re.split(r"\s{2,}", rest.strip()))
        rows.append([line(cell) for cell in cells[-1]])
    if len({len(one) for one in rows}) != 1:
        raise FormulaError(f"{lines!r}: rows of different lengths")
    left, right = [" ".join(filter(None, texts)) for texts in (before, after)]
    if sum(map(bool, before)) > 1 or sum(map(bool, after)) > 1:
        raise FormulaError(f"{lines!r}: text beside more than one row")
    fence = lambda sign: leaf("mo", sign, ' stretchy="true"')  # noqa: E731
    parts = []
    if left:
        if left[-1] not in RELATIONS:
            raise FormulaError(f"{lines!r}: a relation before the structure expected")
        parts = [line(left[:-1]), leaf("mo", left[-1], ' form="infix"')]
    is_numeric = all(re.fullmatch(r"[-−\d.]+", cell) for one in cells for cell in one)
    kind = "matrix numbers" if is_numeric else "matrix"
    parts += [fence("["), table(rows, kind), fence("]")] if is_matrix else [fence("{"), table(rows, "cases")]
    return row(parts + ([line(right)] if right else []))
