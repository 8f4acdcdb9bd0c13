// The few scripts that session stacks and their locks send, run natively. There is no interpreter.
//
// A script is known by its fingerprint: SHA-1 of its text in lower case without blanks, ' as ". So
// the same script with other indentation is known too. EVALSHA finds a script by the SHA-1 of its
// exact text once EVAL or SCRIPT LOAD has shown that text; the texts of well-known clients are
// known from the start. What is not known is refused in one clear sentence, and counted in INFO
// (cloakroom_unknown_scripts).
#include <algorithm>
#include <array>

#include "resp/commands.h"
#include "resp/crypto.h"
#include "resp/dispatcher.h"

namespace cloakroom::resp {
namespace {

using Args = std::span<const std::string_view>;

struct Script {
  std::string_view fingerprint;
  std::string_view exact;  // SHA-1 of the text as its client sends it
  std::size_t keys;
  std::size_t args;
  void (*run)(Call& call, std::string_view key, Args args);
};

// The string under a key; nothing when absent. `failed` says that an error was answered.
std::optional<std::string> string_of(Call& call, std::string_view key, TimeMs& deadline,
                                     bool& failed) {
  std::optional<std::string> value;
  bool wrong = false;
  const auto seen = call.store().visit(call.map(key), [&](const RecordView& record) {
    wrong = record.kind != Kind::kBytes;
    if (!wrong) value = record.value;
    deadline = record.deadline;
  });
  failed = wrong || !call.read(seen.status());
  if (wrong) call.wrong_type();
  return value;
}

// Runs a command and passes its reply on.
void forward(Call& call, std::initializer_list<std::string_view> words) {
  const std::vector<std::string_view> args(words);
  const Command& command = *CommandTable::instance().find(args[0]);
  if (call.client.user != nullptr && !call.client.user->may_run(command)) {
    return call.error("NOPERM this user has no permissions to run the '" +
                      std::string(command.name) + "' command");
  }
  run(call.server, call.client, command, args, call.out);
}

// Runs a command and keeps its reply to itself; passes an error on and answers false.
bool silently(Call& call, std::initializer_list<std::string_view> words) {
  const std::size_t before = call.out.size();
  const std::uint64_t errors = call.out.errors();
  forward(call, words);
  if (call.out.errors() != errors) return false;
  call.out.truncate(before);
  return true;
}

// Whether the key holds the token of who asks; answers 0 itself when not.
bool holds(Call& call, std::string_view key, std::string_view token, TimeMs& deadline) {
  bool failed = false;
  const auto value = string_of(call, key, deadline, failed);
  if (failed) return false;
  if (value && *value == token) return true;
  call.out.integer(0);
  return false;
}

void delete_if_equal(Call& call, std::string_view key, Args args) {
  TimeMs deadline = kNever;
  if (holds(call, key, args[0], deadline)) forward(call, {"del", key});
}

void expire_if_equal(Call& call, std::string_view key, Args args) {
  TimeMs deadline = kNever;
  if (!holds(call, key, args[0], deadline)) return;
  if (silently(call, {"pexpire", key, args[1]})) call.out.integer(1);
}

// Of redis-py: adds to what is left, or replaces it when the third argument is not "0".
void extend_if_equal(Call& call, std::string_view key, Args args) {
  TimeMs deadline = kNever;
  if (!holds(call, key, args[0], deadline)) return;
  if (deadline == kNever) return call.out.integer(0);
  const auto more = parse_int(args[1]);
  if (!more) return call.error(kNotInteger);
  const std::int64_t left = std::max<TimeMs>(deadline - call.store().now(), 0);
  std::int64_t ttl = *more;
  if (args[2] == "0" && __builtin_add_overflow(*more, left, &ttl)) {
    return call.error("ERR invalid expire time in 'pexpire' command");
  }
  if (silently(call, {"pexpire", key, std::to_string(ttl)})) call.out.integer(1);
}

void increment_if_present(Call& call, std::string_view key, Args args) {
  const auto seen = call.store().visit(call.map(key), [](const RecordView&) {});
  if (seen.code() == StatusCode::kNotFound) return call.out.null();
  if (call.read(seen.status())) forward(call, {"incrby", key, args[0]});
}

void increment(Call& call, std::string_view key, Args args) {
  forward(call, {"incrby", key, args[0]});
}

// Of rate-limiter-flexible: what was consumed, and how long the window goes on.
void consume(Call& call, std::string_view key, Args args) {
  if (!silently(call, {"set", key, "0", "EX", args[1], "NX"})) return;
  const std::size_t before = call.out.size();
  call.out.array(2);
  const std::uint64_t errors = call.out.errors();
  const std::size_t begun = call.out.size();
  forward(call, {"incrby", key, args[0]});
  if (call.out.errors() != errors) {
    const std::string error(call.out.since(begun));
    call.out.truncate(before);
    return call.out.raw(error);
  }
  forward(call, {"pttl", key});
}

constexpr Script kScripts[] = {
    // The common lock: phpredis and many others.
    {"436c6eb9061c0fd6bb5eb9f0ccd80873a070bd03", "b70c2384248f88e6b75b9f89241a180f856ad852", 1, 1,
     delete_if_equal},
    // redis-py: Lock.release, extend, reacquire.
    {"1f37489385113287b5c4277ce97ce91eee27e161", "c3f8721cbb97f72bc19e972846bd7aaf91901658", 1, 1,
     delete_if_equal},
    {"549c5774470b9ecc1a0f48a2fea86a36eb945186", "a4e8783852e6b949f9ef3a97212805108459a890", 1, 3,
     extend_if_equal},
    {"add55a5216bb8b2ac89d381b43cab17e01074ac9", "1cac51482acf5858da00f6d685d68f886cd6b6b2", 1, 2,
     expire_if_equal},
    // django-redis: incr.
    {"1c1d9dfdbb2aa7724ba47daf26787264ab16b7f5", "", 1, 1, increment_if_present},
    {"54c59373884bb9b001e9d8be194888374dee6ace", "", 1, 1, increment},
    // rate-limiter-flexible.
    {"305c180e123daf7bba05939ca08e69fc75eab9fa", "", 1, 2, consume},
};

std::string fingerprint_of(std::string_view text) {
  std::string bare;
  for (const char c : lower_case(text)) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    bare.push_back(c == '\'' ? '"' : c);
  }
  return to_hex(sha1(bare));
}

const Script* script_of_text(std::string_view text) {
  const std::string fingerprint = fingerprint_of(text);
  const auto* const found =
      std::find_if(std::begin(kScripts), std::end(kScripts),
                   [&](const Script& script) { return script.fingerprint == fingerprint; });
  return found == std::end(kScripts) ? nullptr : found;
}

const Script* script_of_sha(Call& call, std::string_view sha) {
  const std::string wanted = lower_case(sha);
  for (const Script& script : kScripts) {
    if (script.exact == wanted) return &script;
  }
  const auto index = call.server.loaded_scripts.find(wanted);
  return index ? &kScripts[*index] : nullptr;
}

std::string remember(Call& call, std::string_view text, const Script& script) {
  std::string sha = to_hex(sha1(text));
  call.server.loaded_scripts.add(sha, static_cast<std::size_t>(&script - kScripts));
  return sha;
}

void refuse(Call& call) {
  call.server.unknown_scripts.fetch_add(1, std::memory_order_relaxed);
  call.error(
      "ERR this server runs no Lua, only the scripts listed in its documentation "
      "(docs/resp.md), and this is none of them");
}

void evaluate(Call& call, const Script& script) {
  const auto keys = parse_int(call[2]);
  if (!keys) return call.error(kNotInteger);
  if (*keys < 0) return call.error("ERR Number of keys can't be negative");
  if (*keys > static_cast<std::int64_t>(call.size() - 3)) {
    return call.error("ERR Number of keys can't be greater than number of args");
  }
  const auto given = static_cast<std::size_t>(*keys);
  if (given < script.keys || call.size() - 3 - given < script.args) {
    return call.error("ERR the script wants more keys or arguments");
  }
  script.run(call, call[3], call.args.subspan(3 + given));
}

void eval(Call& call) {
  const Script* const script = script_of_text(call[1]);
  if (script == nullptr) return refuse(call);
  (void)remember(call, call[1], *script);
  evaluate(call, *script);
}

void evalsha(Call& call) {
  const Script* const script = script_of_sha(call, call[1]);
  if (script == nullptr) return call.error("NOSCRIPT No matching script. Please use EVAL.");
  evaluate(call, *script);
}

void script_load(Call& call) {
  const Script* const script = script_of_text(call[2]);
  if (script == nullptr) return refuse(call);
  call.out.bulk(remember(call, call[2], *script));
}

void script_exists(Call& call) {
  call.out.array(call.size() - 2);
  for (std::size_t i = 2; i < call.size(); ++i) {
    call.out.integer(script_of_sha(call, call[i]) != nullptr ? 1 : 0);
  }
}

void script_flush(Call& call) {
  call.server.loaded_scripts.clear();
  call.out.ok();
}

// There is no Lua, so no library of functions exists: to drop them all is done, and to list them is
// to list nothing. Redis's own test suite begins every file with FUNCTION FLUSH.
void function_flush(Call& call) {
  if (call.size() > 3 ||
      (call.size() == 3 && !is_word(call[2], "sync") && !is_word(call[2], "async"))) {
    return call.error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  }
  call.out.ok();
}

void function_list(Call& call) {
  for (std::size_t i = 2; i < call.size(); ++i) {
    if (is_word(call[i], "withcode")) continue;
    if (!is_word(call[i], "libraryname")) {
      return call.error("ERR Unknown argument " + std::string(call[i]));
    }
    if (++i == call.size()) return call.error("ERR library name argument was not given");
  }
  call.out.array(0);
}

// The known scripts run to their end at once.
void kill(Call& call) { call.error("NOTBUSY No scripts in execution right now."); }

constexpr std::uint32_t kFlags = kNoScript | kStale;
constexpr std::uint32_t kEvalFlags = kFlags | kMovableKeys | kExclusive | kWrite;

constexpr Command kCommands[] = {
    {"eval", -3, kEvalFlags, 0, 2, 0, "scripting", "2.6.0", "Run one of the known scripts", eval},
    {"evalsha", -3, kEvalFlags, 0, 2, 0, "scripting", "2.6.0",
     "Run one of the known scripts, by SHA-1", evalsha},
    {"script", -2, kContainer | kNoScript, 0, 0, 0, "scripting", "2.6.0", "Known scripts", nullptr},
    {"script|load", 3, kFlags, 0, 0, 0, "scripting", "2.6.0", "Make EVALSHA know a script",
     script_load},
    {"script|exists", -3, kFlags, 0, 0, 0, "scripting", "2.6.0", "Whether EVALSHA knows scripts",
     script_exists},
    {"script|flush", -2, kFlags, 0, 0, 0, "scripting", "2.6.0", "Forget loaded scripts",
     script_flush},
    {"script|kill", 2, kFlags, 0, 0, 0, "scripting", "2.6.0", "Stop a script; none runs for long",
     kill},
    {"function", -2, kContainer | kNoScript, 0, 0, 0, "scripting", "7.0.0", "Functions; none exist",
     nullptr},
    {"function|flush", -2, kFlags | kWrite, 0, 0, 0, "scripting", "7.0.0",
     "Forget all functions; there are none", function_flush},
    {"function|kill", 2, kFlags, 0, 0, 0, "scripting", "7.0.0", "Stop a function; none runs", kill},
    {"function|list", -2, kFlags, 0, 0, 0, "scripting", "7.0.0", "Functions; there are none",
     function_list},
};

}  // namespace

std::span<const Command> script_commands() { return kCommands; }

}  // namespace cloakroom::resp
