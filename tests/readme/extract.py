#!/usr/bin/env python3
"""Turns the code that the documentation shows into code that is compiled.

extract.py program README.md PROGRAM.cc OUTPUT.txt
    The only ```cpp block, a whole program, and the first ```text block behind it: what it prints.
extract.py guide docs/index.md GUIDE.cc
    Every ```cpp run block becomes a function; see guide.h for what surrounds it.

#line directives make the compiler name the place in the documentation.
"""

import pathlib
import re
import sys


def blocks(path, info):
    """Yields (line number of the first line, text) of every fenced block with this info string."""
    start, lines = None, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if start is None:
            if line.strip() == "```" + info:
                start, lines = number + 1, []
            elif line.startswith("```") and line.strip() != "```":
                start, lines = 0, []  # a block of another kind
        elif line.strip() == "```":
            if start:
                yield start, "\n".join(lines) + "\n"
            start = None
        else:
            lines.append(line)


def program(source, program_file, output_file):
    programs = list(blocks(source, "cpp"))
    outputs = list(blocks(source, "text"))
    if len(programs) != 1 or not outputs:
        sys.exit(f"{source}: one ```cpp block and a ```text block expected")
    line, text = programs[0]
    program_file.write_text(f'#line {line} "{source.name}"\n{text}', encoding="utf-8")
    behind = [text for number, text in outputs if number > line]
    output_file.write_text(behind[0], encoding="utf-8")


def guide(source, guide_file):
    includes, functions = ['#include "guide.h"'], []
    for line, text in blocks(source, "cpp run"):
        body = []
        for row in text.splitlines():
            is_include = re.match(r"\s*#\s*include", row)
            body.append("" if is_include else row)
            if is_include and row not in includes:
                includes.append(row)
        functions.append(
            f"const guide::Block block_{line}({line}, [](cloakroom::Store& store) -> int {{\n"
            f"  (void)store;\n  {{\n"
            f'#line {line} "docs/{source.name}"\n' + "\n".join(body) + "\n"
            "  }\n  return 0;\n});\n"
        )
    if not functions:
        sys.exit(f"{source}: no ```cpp run block")
    text = "\n".join(includes) + "\n\nnamespace {\n\n" + "\n".join(functions) + "\n}  // namespace\n"
    guide_file.write_text(text, encoding="utf-8")


def main(arguments):
    mode, paths = arguments[0], [pathlib.Path(a) for a in arguments[1:]]
    program(*paths) if mode == "program" else guide(*paths)


if __name__ == "__main__":
    main(sys.argv[1:])
