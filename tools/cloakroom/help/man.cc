// cloakroom(1), in man(7)'s macros.
#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "cloakroom/clock.h"
#include "help/help.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

// Text as troff shows it: nothing in it is a request, an escape, or a typographic hyphen.
std::string troff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '.' && (out.empty() || out.back() == '\n')) {
      out += "\\&.";
    } else if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '`' || c == '\'') {
      out += c == '`' ? "\\(ga" : "\\(aq";
    } else if (c == '^' || c == '~') {
      out += c == '^' ? "\\(ha" : "\\(ti";
    } else {
      out += c;
    }
  }
  return out;
}

std::string bold(const std::string& text) { return "\\fB" + troff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + troff(text) + "\\fR"; }

std::string sentence(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  if (!text.ends_with('.')) text += '.';
  return text;
}

std::string date() {
  const char* const epoch = std::getenv("SOURCE_DATE_EPOCH");
  if (epoch == nullptr || *epoch == '\0') return {};
  return utc_time(std::atoll(epoch) * 1000).substr(0, 10);
}

std::string tag_of(const ArgumentInfo& argument) {
  if (argument.positional()) return italic(argument.name + (argument.repeats ? "..." : ""));
  std::string tag = argument.shorthand.empty() ? "" : bold(argument.shorthand) + ", ";
  tag += bold(argument.name);
  if (argument.words.empty()) {
    return argument.argument.empty() ? tag : tag + " " + italic(argument.argument);
  }
  tag += " ";
  for (const std::string& word : argument.words) {
    tag += (word == argument.words.front() ? "" : "|") + bold(word);
  }
  return tag;
}

std::string entry(const ArgumentInfo& argument) {
  std::string what = sentence(argument.what);
  if (argument.positional() && !argument.words.empty()) {
    what += " One of";
    for (const std::string& word : argument.words) {
      what += (word == argument.words.front() ? " " : ", ") + word;
    }
    what += ".";
  }
  if (!argument.preset.empty()) what += " The default is " + argument.preset + ".";
  if (argument.repeats && !argument.positional()) what += " May be given again.";
  return ".TP\n" + tag_of(argument) + "\n" + troff(what) + "\n";
}

// Lines as they stand.
std::string verbatim(const std::vector<std::string>& lines) {
  std::string out = ".PP\n.RS\n.nf\n";
  for (const std::string& line : lines) out += troff(line) + "\n";
  return out + ".fi\n.RE\n";
}

std::string synopsis_of(const VerbInfo& verb) {
  std::string out = bold("cloakroom " + verb.name) + " [" + italic("OPTIONS") + "]";
  for (const ArgumentInfo& argument : verb.arguments) {
    if (argument.positional() || !argument.required) continue;
    out += " " + bold(argument.name) + " " + italic(argument.argument);
  }
  for (const ArgumentInfo& argument : verb.arguments) {
    if (!argument.positional()) continue;
    const std::string name = italic(argument.name) + (argument.repeats ? "\\fR..." : "");
    out += argument.required ? " " + name : " [" + name + "]";
  }
  return out;
}

std::string verb_section(const VerbInfo& verb) {
  std::string out = ".SS " + troff(verb.name) + "\n" + synopsis_of(verb) + "\n.PP\n" +
                    troff(sentence(verb.what)) + "\n";
  for (const ArgumentInfo& argument : verb.arguments) {
    if (argument.name != "--help") out += entry(argument);
  }
  if (!verb.notes.empty()) out += ".PP\n" + troff(verb.notes);
  if (!verb.examples.empty()) out += verbatim(verb.examples);
  return out;
}

constexpr const char* kDescription = R"(.SH DESCRIPTION
A store is a directory that a server keeps its sessions in.
.B cloakroom
looks into such a directory, proves that it is sound, mends it, copies it, and serves it.
The verbs that only look work beside the server that has the store open, and change nothing.
.PP
Keys and owners are printed with every byte that a terminal would obey as
.BR \exNN ,
and are taken in the same form.
Values are secrets: no verb prints one unless it is told to, mostly by
.BR \-\-show\-values .
.PP
Durations are written
.BR 90s ", " 15min ", " 2h " or " 7d ,
sizes
.BR 4096 ", " 64KiB " or " 1MiB .
)";

constexpr const char* kTail = R"(.SH EXIT STATUS
.TP
.B 0
Fine.
.TP
.B 1
Findings: damage, an absent key, a check or a demonstration that failed.
.TP
.B 2
The command line is wrong.
.TP
.B 3
The store cannot be opened or read, or the output not be written.
.PP
A verb that was ended by a signal, such as that of Ctrl\-C, ends by that signal.
.SH ENVIRONMENT
.TP
.B NO_COLOR
When set and not empty, nothing is coloured. Where the output is no terminal, nothing ever is.
.TP
.B TMPDIR
Where a store that another process has open is read from, in a directory that goes away again.
.SH SEE ALSO
The pages
.I docs/cli.md
and
.I docs/operations.md
of Cloakroom's sources.
)";

}  // namespace

std::string man_page(const CommandTree& tree) {
  std::string out =
      ".TH CLOAKROOM 1 \"" + date() + "\" \"" + troff(tree.version) +
      "\" \"User Commands\"\n.SH NAME\ncloakroom \\- look into a session store, prove, "
      "mend, copy and serve it\n.SH SYNOPSIS\n";
  out += bold("cloakroom") + " " + italic("VERB") + " [" + italic("OPTIONS") + "] " +
         italic("ARGUMENTS") + "\n";
  out += kDescription;
  out += ".SH OPTIONS\n";
  for (const ArgumentInfo& option : tree.options) out += entry(option);
  out += ".SH VERBS\n";
  for (const VerbInfo& verb : tree.verbs) out += verb_section(verb);
  return out + kTail;
}

}  // namespace cloakroom::cli
