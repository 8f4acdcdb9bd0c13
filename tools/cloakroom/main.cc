// cloakroom: the command line of a store. The table of its verbs.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <clocale>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "isolate.h"
#include "output.h"
#include "verbs.h"
#ifdef CLOAKROOM_WITH_RESP
#include "verb_serve.h"
#endif

#ifndef CLOAKROOM_VERSION
#define CLOAKROOM_VERSION "unknown"
#endif

namespace cloakroom::cli {
namespace {

constexpr const char* kFooter = R"(Exit codes:
  0  fine
  1  findings: damage, an absent key, a failed demo
  2  the command line is wrong
  3  the store cannot be opened or read, or the output not written

No verb but demo and serve changes anything on disk; the others work beside a live server.
`cloakroom VERB --help` shows a verb's options and an example.
)";

// What runs when its sub-command was given.
struct Verb {
  CLI::App* app;
  std::function<int()> run;
};

template <class Options>
CLI::App* add_verb(CLI::App& root, const char* name, const char* what, const char* example,
                   Options& options) {
  CLI::App* app = root.add_subcommand(name, what);
  app->add_option("STORE-DIR", options.dir, "directory of the store")->required();
  app->footer(std::string("Example:\n  ") + example + "\n");
  return app;
}

template <class Options>
void add_json(CLI::App* app, Options& options, const char* what) {
  app->add_flag("--json", options.json, what);
}

// How help names an option's argument, instead of by its C++ type and bounds.
void call_it(CLI::Option* option, const std::string& name) {
  const std::string value = option->get_default_str();
  option->option_text(value.empty() ? name : name + "=" + value);
}

CLI::Validator duration_check() {
  return CLI::Validator(
      [](std::string& text) {
        return parse_duration(text) ? std::string() : "not a duration; write 90s, 15min, 2h or 7d";
      },
      "DURATION");
}

Verb add_info(CLI::App& root, InfoOptions& options) {
  CLI::App* app = add_verb(root, "info", "What the store is and how it is: format, state, sizes",
                           "cloakroom info /var/lib/shop/sessions", options);
  add_json(app, options, "one JSON object");
  return {app, [&] { return run_isolated(options.dir, [&] { return run_info(options); }); }};
}

Verb add_ls(CLI::App& root, LsOptions& options) {
  CLI::App* app = add_verb(root, "ls", "List records, without their values",
                           "cloakroom ls sessions --owner alice --expires-before 10min", options);
  call_it(app->add_option("--prefix", options.prefix, "only keys that begin so"), "TEXT");
  call_it(app->add_option("--owner", options.owner, "only records of this owner"), "OWNER");
  const std::map<std::string, Kind> kinds{
      {"bytes", Kind::kBytes}, {"fields", Kind::kFields}, {"session", Kind::kSession},
      {"members", Kind::kMembers}};
  call_it(app->add_option("--kind", options.kind, "only records of this kind")
              ->transform(CLI::CheckedTransformer(kinds)),
          "bytes|fields|session|members");
  call_it(app->add_option("--larger-than", options.larger_than_bytes,
                          "only values over this size: 4096, 64KiB, 1MiB")
              ->transform(CLI::AsSizeValue(false)),
          "SIZE");
  const auto set_expiry = [&](const std::string& text) {
    options.expires_before_ms = parse_duration(text);
  };
  call_it(app->add_option_function<std::string>(
                 "--expires-before", set_expiry,
                 "only records with no more than this to live: 90s, 15min, 2h, 7d")
              ->check(duration_check()),
          "DURATION");
  app->add_flag("--dead", options.dead, "include what has expired and is not yet dropped");
  call_it(app->add_option("--limit", options.limit, "stop after so many (0: all)")
              ->check(CLI::NonNegativeNumber),
          "N");
  add_json(app, options, "JSON Lines: one object for each record");
  return {app, [&] { return run_isolated(options.dir, [&] { return run_ls(options); }); }};
}

Verb add_get(CLI::App& root, GetOptions& options) {
  CLI::App* app = add_verb(root, "get", "Show one record",
                           "cloakroom get sessions sess:b2f0a6c7d1 --show-values", options);
  app->add_option("KEY", options.key, "the key, as ls prints it")->required();
  app->add_flag("--show-values", options.show_values,
                "show the value: JSON indented, fields by name, hex otherwise");
  app->add_flag("--raw", options.raw, "write the bytes of the value and nothing else");
  app->add_flag("--dead", options.dead, "show the record though it has expired");
  add_json(app, options, "one JSON object");
  return {app, [&] { return run_isolated(options.dir, [&] { return run_get(options); }); }};
}

Verb add_verify(CLI::App& root, VerifyOptions& options) {
  CLI::App* app = add_verb(root, "verify", "Check every checksum and bound; exit 1 on damage",
                           "cloakroom verify sessions && echo sound", options);
  add_json(app, options, "JSON Lines: a line for each finding, then a summary");
  return {app, [&] { return run_verify(options); }};
}

Verb add_stats(CLI::App& root, StatsOptions& options) {
  CLI::App* app = add_verb(root, "stats", "Histograms of time left, sizes and ages",
                           "cloakroom stats sessions", options);
  add_json(app, options, "one JSON object");
  return {app, [&] { return run_isolated(options.dir, [&] { return run_stats(options); }); }};
}

Verb add_demo(CLI::App& root, DemoOptions& options) {
  CLI::App* app = root.add_subcommand(
      "demo", "Kill a store under load with SIGKILL, reopen it and check every session");
  app->footer("Example:\n  cloakroom demo --kills 5 --dir demo-store\n");
  call_it(app->add_option("--dir", options.dir,
                          "put the store here and keep it (default: a temporary one)"),
          "DIR");
  app->add_flag("--keep", options.keep, "keep the temporary directory");
  call_it(app->add_option("--seconds", options.seconds, "time under load, over all kills")
              ->check(CLI::Range(0.1, 3600.0))
              ->capture_default_str(),
          "SECONDS");
  call_it(app->add_option("--sessions", options.sessions, "sessions to create, about")
              ->check(CLI::Range(std::uint64_t{100}, std::uint64_t{50'000'000}))
              ->capture_default_str(),
          "N");
  call_it(app->add_option("--kills", options.kills, "how often it is killed")
              ->check(CLI::Range(1, 1000))
              ->capture_default_str(),
          "N");
  call_it(app->add_option("--threads", options.threads, "threads of load (0: by the machine)")
              ->check(CLI::Range(0, 64))
              ->capture_default_str(),
          "N");
  call_it(app->add_option("--seed", options.seed, "repeat a workload (0: a random one)")
              ->check(CLI::NonNegativeNumber),
          "N");
  app->add_option("--sabotage", options.sabotage)
      ->check(CLI::IsMember({"lose", "revive", "stale", "spare"}))
      ->group("");
  add_json(app, options, "one JSON object instead of text");
  return {app, [&] { return run_demo(options); }};
}

Verb add_demo_worker(CLI::App& root, DemoWorkerOptions& options) {
  CLI::App* app = root.add_subcommand("demo-worker")->group("");
  app->add_option("STORE-DIR", options.dir)->required();
  app->add_option("--phase", options.phase)->required()->check(CLI::IsMember({"load", "check"}));
  app->add_option("--fd", options.fd)->required();
  return {app, [&] { return run_demo_worker(options); }};
}

#ifdef CLOAKROOM_WITH_RESP
Verb add_serve(CLI::App& root, ServeOptions& options) {
  return {add_serve_app(root, options), [&] { return run_serve(options); }};
}
#endif

// What the verbs parse into.
struct AllOptions {
  InfoOptions info;
  LsOptions ls;
  GetOptions get;
  VerifyOptions verify;
  StatsOptions stats;
  DemoOptions demo;
  DemoWorkerOptions worker;
#ifdef CLOAKROOM_WITH_RESP
  ServeOptions serve;
#endif
};

int run(int argc, char** argv) {
  CLI::App root("Look into a Cloakroom session store, at rest or beside a live server.",
                "cloakroom");
  root.set_version_flag("--version", "cloakroom " CLOAKROOM_VERSION);
  root.footer(kFooter);
  root.require_subcommand(1);

  AllOptions options;
  const std::vector<Verb> verbs{
      add_info(root, options.info),
      add_ls(root, options.ls),
      add_get(root, options.get),
      add_verify(root, options.verify),
      add_stats(root, options.stats),
      add_demo(root, options.demo),
      add_demo_worker(root, options.worker),
#ifdef CLOAKROOM_WITH_RESP
      add_serve(root, options.serve),
#endif
  };
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return root.exit(e) == 0 ? kExitOk : kExitUsage;  // --help and --version are 0
  }
  const auto given =
      std::find_if(verbs.begin(), verbs.end(), [](const Verb& verb) { return verb.app->parsed(); });
  const int code = given->run();
  return flush_output() ? code : kExitCannotOpen;
}

}  // namespace
}  // namespace cloakroom::cli

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");  // Is the terminal UTF-8? Nothing else depends on it.
  return cloakroom::cli::run(argc, argv);
}
