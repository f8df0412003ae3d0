"""Texts that would do something on a page that trusts them. ``mark()`` is what each of them would run."""

from __future__ import annotations

HOSTILE = (
    "<script>mark()</script>",
    "</title></style></svg></textarea></details><script>mark()</script>",
    '"><img src=x onerror=mark()>',
    "' onmouseover='mark()' autofocus onfocus='mark()'",
    "<svg><animate onbegin=mark() attributeName=x dur=1s></svg>",
    "<svg><style><img src=/x onerror=mark()></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=mark()&gt;'>",
    '<iframe srcdoc="<script>parent.mark()</script>"></iframe>',
    "<a href='javascript:mark()'>click</a> javascript:mark()",
    "<img src='data:image/svg+xml,<svg onload=mark()>'> data:text/html,<script>mark()</script>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css><meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<style>*{background:url(http://127.0.0.1:9/x)}</style> }*{display:none} </style>",
    "--x: url(javascript:mark()); expression(mark())",
    "<base href='http://127.0.0.1:9/'><form action='javascript:mark()'><input type=submit autofocus></form>",
    "{{ 7*7 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}${7*7}<%= 7*7 %>",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "$\\alpha$ &lt;script&gt; &#60;b&#62; &amp;amp; &notit;",
    "--><!-- ]]> <![CDATA[ <?php echo 1 ?> <!DOCTYPE x>",
    "noscript<noscript><p title='</noscript><img src=x onerror=mark()>'>",
    "nul \x00 escape \x1b[2J bell \x07 return \r delete \x7f c1 \x9b31m",
    "bidi \u202egnp.exe \u2066 \u2069 \u200e zero\u200bwidth \ufeff tag \U000e0041 line \u2028 para \u2029",
    "lone \ud800 surrogates \udfff and pile a" + "\u0301" * 30,
    "=HYPERLINK('http://127.0.0.1:9') \t tabs and\nlines\n\nof text",
)
NAMED = {  # what is shown instead of a character that cannot be seen
    "\x00": "U+0000",
    "\x1b": "U+001B",
    "\r": "U+000D",
    "\u202e": "U+202E",
    "\u200b": "U+200B",
    "\ud800": "U+D800",
    "\U000e0041": "U+E0041",
}


def as_shown(text: str) -> str:
    """What a reader sees of ``text``: an independent statement of the rule, for the characters used here."""
    seen, marks = [], 0
    for character in text:
        number = ord(character)
        marks = marks + 1 if character == "\u0301" else 0
        is_hidden = (
            (number < 32 and character not in "\n\t")
            or 0x7F <= number <= 0x9F
            or 0x200B <= number <= 0x200F
            or 0x2028 <= number <= 0x202E
            or 0x2060 <= number <= 0x206F
            or 0xD800 <= number <= 0xDFFF
            or character == "\ufeff"
            or number >= 0xE0000
            or marks > 2
        )
        seen.append(f"U+{number:04X}" if is_hidden else character)
    return "".join(seen)
